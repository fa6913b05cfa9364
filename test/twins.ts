// The twins of test/objects/twins and what Linux 6.18 says about each, recorded from the live kernel (test/twins.test.ts
// asks it again where there is one). `message` is a whole line of the log: the last one before the statistics, but for
// the endless loop, where two lines of states follow.

export interface Twin {
  readonly program: string;
  readonly errno: string;
  readonly message: string;
}

export const TWINS: readonly Twin[] = (
  [
    ['no_packet_bound', 'EACCES', 'R2 offset is outside of the packet'],
    ['off_by_one_bound', 'EACCES', 'R1 offset is outside of the packet'],
    ['bound_of_other_header', 'EACCES', 'R1 offset is outside of the packet'],
    ['stale_packet_pointer', 'EACCES', "R7 invalid mem access 'scalar'"],
    ['packet_end_arithmetic', 'EACCES', 'R1 pointer arithmetic on pkt_end prohibited'],
    ['no_null_check', 'EACCES', "R0 invalid mem access 'map_value_or_null'"],
    [
      'arithmetic_before_null_check',
      'EACCES',
      'R0 pointer arithmetic on map_value_or_null prohibited, null-check it first',
    ],
    ['uninit_register', 'EACCES', 'R5 !read_ok'],
    ['stack_index_unmasked', 'EINVAL', 'invalid variable-offset write to stack R2 var_off=(0x0; 0xffff) off=-8 size=1'],
    ['stack_below_frame', 'EACCES', 'invalid write to stack R1 off=-520 size=8'],
    ['endless_loop', 'EINVAL', 'infinite loop detected at insn 45'],
    ['unbounded_loop', 'EFAULT', 'The sequence of 8193 jumps is too complex.'],
    ['too_long_loop', 'E2BIG', 'BPF program is too large. Processed 1000001 insn'],
    ['map_value_next_field', 'EACCES', 'R1 min value is outside of the allowed memory range'],
    ['map_value_index_unmasked', 'EACCES', 'R1 max value is outside of the allowed memory range'],
    ['map_value_negative', 'EACCES', 'R1 min value is outside of the allowed memory range'],
    ['write_read_only_ctx', 'EACCES', 'invalid bpf_context access off=12 size=4'],
    ['write_rodata', 'EACCES', 'write into map forbidden, value_size=4 off=0 size=4'],
    ['ctx_arithmetic', 'EACCES', 'variable ctx access var_off=(0x0; 0x4) disallowed'],
    ['ctx_out_of_bounds', 'EACCES', 'invalid bpf_context access off=24 size=4'],
    ['ctx_half_field', 'EACCES', 'invalid bpf_context access off=2 size=2'],
    ['ctx_atomic', 'EACCES', 'BPF_ATOMIC stores into R1 ctx is not allowed'],
    ['helper_wrong_map', 'EINVAL', 'cannot pass map_type 3 into func bpf_map_lookup_elem#1'],
    [
      'helper_key_is_scalar',
      'EACCES',
      'R2 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
    ],
    ['helper_key_too_short', 'EINVAL', 'invalid read from stack R2 off=-2 size=4'],
    ['helper_size_unbounded', 'EACCES', 'R2 invalid zero-sized read: u64=[0,65535]'],
    ['helper_other_type', 'EINVAL', 'program of this type cannot use helper bpf_skb_load_bytes#26'],
    ['helper_unknown', 'EINVAL', 'invalid func unknown#4095'],
    ['stack_of_two_too_large', 'EACCES', 'combined stack size of 2 calls is 576. Too large'],
    ['no_return_value', 'EACCES', 'R0 !read_ok'],
    ['unreachable_code', 'EINVAL', 'unreachable insn 2'],
    ['falls_off_the_end', 'EINVAL', 'last insn is not an exit or jmp'],
    ['jump_out_of_range', 'EINVAL', 'jump out of range from insn 1 to 11'],
    ['frame_pointer_write', 'EACCES', 'frame pointer is read only'],
    ['clobbered_argument', 'EACCES', 'R1 !read_ok'],
  ] as const
).map(([program, errno, message]) => ({ program, errno, message }));

/** Rejected only where the loader lacks CAP_PERFMON: with it, Linux lets programs read what is on the stack. */
export const UNINIT_STACK_TWINS: readonly Twin[] = (
  [
    ['uninit_key_byte', 'EACCES', 'invalid read from stack R2 off -8+7 size 8'],
    ['uninit_word', 'EACCES', 'invalid read from stack off -8+4 size 8'],
    ['uninit_half_spill', 'EACCES', 'invalid read from stack off -16+4 size 8'],
    ['uninit_on_one_path', 'EACCES', 'invalid read from stack R10 off=-8 size=8'],
  ] as const
).map(([program, errno, message]) => ({ program, errno, message }));
