// struct bpf_iter_num as Linux lays it out, and how many numbers it may give.

export const ITER_NUM = { cur: 0, end: 4, size: 8 } as const;

/** Linux BPF_MAX_LOOPS. */
export const MAX_LOOPS = 8 * 1024 * 1024;
