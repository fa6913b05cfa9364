// Everything else on 6 bits: domain_six_conditions.test.ts has the conditions.
import { CHECK_NAMES } from '../conformance/domain/checks.ts';
import { testChecks } from './domain_six.ts';

testChecks(CHECK_NAMES.filter((name) => name !== 'two ranges: conditions'));
