// Half of the work of 6 bits; the other half is domain_six_rest.test.ts.
import { testChecks } from './domain_six.ts';

testChecks(['two ranges: conditions']);
