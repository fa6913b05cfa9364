/** UAPI prog_flags of BPF_PROG_LOAD, those that the verifier asks for. */
export const PROG_FLAGS = {
  BPF_F_STRICT_ALIGNMENT: 1 << 0,
  /** Stronger than BPF_F_STRICT_ALIGNMENT. */
  BPF_F_ANY_ALIGNMENT: 1 << 1,
  /** Keep a state at every prune point. */
  BPF_F_TEST_STATE_FREQ: 1 << 3,
  BPF_F_SLEEPABLE: 1 << 4,
} as const;
