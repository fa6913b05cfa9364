// Random programs about objects on the stack: dynptrs of four types, slices, clones, iterators and interrupt flags, in
// branches, functions and loops of unknown length. Most of them do right: the generator knows what it put where. `kcall NAME`
// calls a kfunc; maps are `array` (one value of 64 bytes) and `rb` (a ring buffer).

const PLACES = [-24, -40, -56, -80] as const;
const ITERATORS = [-64, -96] as const;
const FLAGS = [-112, -120] as const;
const SAVED = ['r6', 'r7', 'r8'] as const;
const USABLE = ['local', 'ring', 'skb', 'meta'];
const PACKETS = ['skb', 'meta'];

interface Slice {
  readonly at: number;
  readonly size: number;
  readonly rdonly: boolean;
}

const fp = (reg: string, off: number): string => `${reg} = r10\n${reg} += ${off}\n`;

class Generator {
  #seed: number;
  #labels = 0;
  #iterators = 0;
  #off = 0;
  /** What is at a place; nothing yet: undefined. 'half': not to be used. */
  #places: Record<number, string> = {};
  #slices: Record<string, Slice> = {};

  constructor(seed: number) {
    this.#seed = seed * 7919 + 17;
    for (let i = 0; i < 5; i++) this.#below(2);
  }
  #below(n: number): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#seed / 2 ** 32) * n);
  }
  #pick<T>(of: readonly T[]): T {
    return of[this.#below(of.length)];
  }
  #label(): string {
    return `l${this.#labels++}`;
  }
  /** A place that holds one of these, now and then a wrong one; null = there is none. */
  #place(kinds: readonly string[]): number | null {
    if (this.#below(60) === 0) return this.#pick([...PLACES, -16, -8]);
    const fit = PLACES.filter((at) => kinds.includes(this.#places[at] ?? 'none'));
    return fit.length === 0 ? null : this.#pick(fit);
  }
  #holds(at: number, what: string): void {
    for (const r of SAVED) if (this.#slices[r]?.at === at) delete this.#slices[r];
    this.#places[at] = what;
  }
  #forgetPackets(): void {
    for (const r of SAVED) if (PACKETS.includes(this.#places[this.#slices[r]?.at] ?? '')) delete this.#slices[r];
  }

  /** `f` with a place of these kinds. */
  #at(kinds: readonly string[], f: (at: number) => string): string {
    const at = this.#place(kinds);
    return at === null ? '' : f(at);
  }
  #slice(call: (at: number, size: number) => string, rdonly: boolean, kinds: readonly string[]): string {
    return this.#at(kinds, (at) => {
      const [r, size] = [this.#pick(SAVED), this.#pick([4, 8, 16])];
      this.#slices[r] = { at, size, rdonly };
      return `${call(at, size)}\n${r} = r0\n`;
    });
  }
  #number(text: (r: string) => string): string {
    const r = this.#pick(SAVED);
    delete this.#slices[r];
    return text(r);
  }

  readonly #statements: readonly (() => string)[] = [
    () =>
      this.#at(['none', 'data', 'local', ...PACKETS], (at) => {
        this.#holds(at, 'local');
        return `r1 = r9\nr2 = ${this.#pick([8, 16, 48, 64])}\nr3 = 0\n${fp('r4', at)}call bpf_dynptr_from_mem\n`;
      }),
    () =>
      this.#at(['none', 'data', 'local', 'skb'], (at) => {
        this.#holds(at, 'ring');
        return `r1 = map rb ll\nr2 = 8\nr3 = 0\n${fp('r4', at)}call bpf_ringbuf_reserve_dynptr\n`;
      }),
    () =>
      this.#at(['ring'], (at) => {
        this.#holds(at, 'none');
        return `${fp('r1', at)}r2 = 0\ncall bpf_ringbuf_${this.#pick(['submit', 'discard'])}_dynptr\n`;
      }),
    () =>
      this.#at(['none', 'data', 'local', 'skb'], (at) => {
        const meta = this.#pick(['', '_meta']);
        this.#holds(at, meta === '' ? 'skb' : 'meta');
        return `r1 = *(u64 *)(r10 - 8)\nr2 = 0\n${fp('r3', at)}kcall bpf_dynptr_from_skb${meta}\n`;
      }),
    () => this.#slice((at, size) => `${fp('r1', at)}r2 = 0\nr3 = ${size}\ncall bpf_dynptr_data`, false, USABLE),
    () => this.#kfuncSlice('', true),
    () => this.#kfuncSlice('_rdwr', false),
    () => this.#use(),
    () => this.#use(),
    () =>
      this.#at(USABLE, (at) =>
        this.#at(['none', 'data'], (to) => {
          this.#holds(to, 'data');
          return `${fp('r1', to)}r2 = ${this.#pick([4, 8, 16])}\n${fp('r3', at)}r4 = 0\nr5 = 0\ncall bpf_dynptr_read\n`;
        }),
      ),
    () =>
      this.#at(USABLE, (at) =>
        this.#at(['data'], (from) => {
          if (PACKETS.includes(this.#places[at])) this.#forgetPackets();
          return `${fp('r1', at)}r2 = 0\n${fp('r3', from)}r4 = ${this.#pick([4, 8, 16])}\nr5 = 0\ncall bpf_dynptr_write\n`;
        }),
      ),
    () =>
      this.#at(USABLE, (at) =>
        this.#at(['none', 'data', 'local'], (to) => {
          if (at === to) return '';
          this.#holds(to, this.#places[at] === 'ring' ? 'half' : this.#places[at]);
          return `${fp('r1', at)}${fp('r2', to)}kcall bpf_dynptr_clone\n`;
        }),
      ),
    () => this.#at(USABLE, (at) => `${fp('r1', at)}r2 = 0\nr3 = 4\nkcall bpf_dynptr_adjust\n`),
    () =>
      this.#at(USABLE, (at) =>
        this.#number((r) => `${fp('r1', at)}kcall bpf_dynptr_size\n${r} = r0\n${this.#pick(['', `${r} &= 7\n`])}`),
      ),
    () => this.#at(USABLE, (at) => `${fp('r1', at)}call f${this.#below(2)}\n`),
    () => {
      this.#forgetPackets();
      return 'r1 = *(u64 *)(r10 - 8)\nr2 = 0\ncall bpf_skb_pull_data\n';
    },
    () =>
      this.#at(['none', 'data', 'local', 'skb'], (at) => {
        this.#holds(at, 'data');
        return `*(${this.#pick(['u64', 'u64', 'u8'])} *)(r10 ${at}) = 5\n*(u64 *)(r10 ${at}) = 0\n*(u64 *)(r10 - ${-at - 8}) = 1\n`;
      }),
    () =>
      this.#at(['none', 'data'], (at) => {
        const r = this.#pick(SAVED);
        this.#holds(at, 'data');
        return `*(u64 *)(r10 ${at}) = ${r}\n${r} = *(u64 *)(r10 ${at})\n*(u64 *)(r10 - ${-at - 8}) = 0\n`;
      }),
    () => this.#at(['data'], (at) => this.#number((r) => `${r} = *(u64 *)(r10 - ${-at - 8})\n`)),
    () => this.#number((r) => `${r} = ${this.#below(5)}\n`),
    () => this.#number((r) => `call bpf_get_prandom_u32\n${r} = r0\n${this.#pick(['', `${r} &= 7\n`])}`),
  ];

  #kfuncSlice(kind: string, rdonly: boolean): string {
    // Not of the ring buffer: Linux lets such slices outlive their record.
    const call = (at: number, size: number) =>
      `${fp('r1', at)}r2 = 0\nr3 = 0\nr4 = ${size}\nkcall bpf_dynptr_slice${kind}`;
    return this.#slice(call, rdonly, ['local', ...PACKETS]);
  }
  #use(): string {
    const known = SAVED.filter((r) => this.#slices[r] !== undefined);
    if (known.length === 0) return '';
    const [r, out] = [this.#pick(known), this.#label()];
    const { size, rdonly } = this.#slices[r];
    const at = this.#below(size);
    const access = rdonly || this.#below(2) === 0 ? `r0 = *(u8 *)(${r} + ${at})` : `*(u8 *)(${r} + ${at}) = 1`;
    return `if ${r} == 0 goto ${out}\n${access}\n${out}:\n`;
  }

  /** A block that leaves things as they were, as far as it can: what it took is given back. */
  #scoped(length: number, depth: number): string {
    const [places, slices] = [{ ...this.#places }, { ...this.#slices }];
    let text = this.#block(length, depth);
    for (const at of PLACES) {
      if (this.#places[at] === places[at]) continue;
      if (this.#places[at] === 'ring') text += `${fp('r1', at)}r2 = 0\ncall bpf_ringbuf_discard_dynptr\n`;
      this.#places[at] = places[at] === 'ring' ? 'lost' : 'half';
    }
    this.#slices = Object.fromEntries(Object.entries(slices).filter(([r, s]) => this.#slices[r] === s));
    return text;
  }
  #branch(depth: number): string {
    const [other, both] = [this.#label(), this.#label()];
    const first = this.#scoped(1 + this.#below(3), depth);
    const second = this.#below(2) === 0 ? '' : this.#scoped(1 + this.#below(3), depth);
    return `call bpf_get_prandom_u32\nif r0 ${this.#pick(['>', '=='])} 5 goto ${other}\n${first}goto ${both}\n${other}:\n${second}${both}:\n`;
  }
  #iterate(depth: number): string {
    if (this.#iterators >= ITERATORS.length) return '';
    const [again, done, at] = [this.#label(), this.#label(), ITERATORS[this.#iterators++]];
    this.#slices = {};
    const body = this.#scoped(1 + this.#below(3), depth);
    this.#slices = {};
    this.#iterators--;
    const next = this.#pick([`${fp('r1', at)}kcall bpf_iter_num_next\n`, `${fp('r1', at)}call f2\n`]);
    const leave = this.#below(3) === 0 ? `if r7 == 2 goto ${done}\n` : '';
    const begin = `${fp('r1', at)}r2 = 0\nr3 = 10\nkcall bpf_iter_num_new\n`;
    return `${begin}${again}:\n${next}if r0 == 0 goto ${done}\n${body}${leave}goto ${again}\n${done}:\n${fp('r1', at)}kcall bpf_iter_num_destroy\n`;
  }
  #loop(depth: number): string {
    const [again, done] = [this.#label(), this.#label()];
    this.#slices = {};
    const body = this.#scoped(1 + this.#below(2), depth);
    this.#slices = {};
    return `${again}:\nmay_goto ${done}\n${body}goto ${again}\n${done}:\n`;
  }
  #masked(depth: number): string {
    if (this.#off >= FLAGS.length) return '';
    const at = FLAGS[this.#off++];
    const body = this.#block(1 + this.#below(2), depth);
    this.#off--;
    return `${fp('r1', at)}kcall bpf_local_irq_save\n${body}${fp('r1', at)}kcall bpf_local_irq_restore\n`;
  }
  #block(length: number, depth: number): string {
    let text = '';
    for (let i = 0; i < length; i++) {
      const kind = depth > 2 ? 9 : this.#below(14);
      if (kind < 2) text += this.#branch(depth + 1);
      else if (kind === 2 && depth < 2) text += this.#iterate(depth + 1);
      else if (kind === 3 && depth < 2) text += this.#loop(depth + 1);
      else if (kind === 4) text += this.#masked(depth + 1);
      else text += this.#pick(this.#statements)();
    }
    return text;
  }

  program(): string {
    const body = this.#scoped(4 + this.#below(9), 0);
    const functions = [
      'f0:\nr2 = 0\nr3 = 8\ncall bpf_dynptr_data\nr0 = 0\nexit',
      'f1:\nr6 = r1\nkcall bpf_dynptr_size\nr7 = r0\nr1 = r6\nr2 = 0\nr3 = 8\ncall bpf_dynptr_data\nif r0 == 0 goto f1n\n*(u8 *)(r0 + 0) = r7\nf1n:\nr0 = 0\nexit',
      'f2:\nkcall bpf_iter_num_next\nif r0 == 0 goto f2n\nr0 = 1\nf2n:\nexit',
    ].filter((_, i) => body.includes(`call f${i}\n`));
    const value = `*(u32 *)(r10 - 104) = 0\n${fp('r2', -104)}r1 = map array ll\ncall bpf_map_lookup_elem\nr9 = r0\n`;
    return `*(u64 *)(r10 - 8) = r1\n${value}r6 = 0\nr7 = 0\nr8 = 0\n${body}r0 = 0\nexit\n${functions.join('\n')}`;
  }
}

/** The program of a seed, as assembler text. */
export function randomObjects(seed: number): string {
  return new Generator(seed).program();
}
