// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A single function without a section: libbpf loads it as a program of no known type.

int lone(void *ctx)
{
	return 42;
}
