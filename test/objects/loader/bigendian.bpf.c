// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// clang: -target bpfeb
//
// For big-endian machines: refused.

int prog(void *ctx)
{
	return 0;
}
