// What programs that jump to each other through a PROG_ARRAY must have in common: a tail call hands over the context as it
// is. The map keeps what its first program has, one that is put into it or one that refers to it (Linux: map->owner).

/** kernel struct bpf_map_owner, as far as user space can make programs differ. */
export interface ProgOwner {
  /** UAPI bpf_prog_type; -1 = raw. */
  readonly type: number;
  readonly expectedAttachType: number;
  readonly xdpHasFrags: boolean;
}

/** kernel __bpf_prog_map_compatible. */
export function isCompatible(a: ProgOwner, b: ProgOwner): boolean {
  return a.type === b.type && a.expectedAttachType === b.expectedAttachType && a.xdpHasFrags === b.xdpHasFrags;
}
