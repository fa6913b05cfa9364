// Random numbers that a seed determines, and values near the places where arithmetic goes wrong.

/** A stream of random numbers; the same (seed, stream) gives the same numbers everywhere. */
export class Random {
  #state: number;

  constructor(seed: number, stream = 0) {
    this.#state = mix(mix(seed >>> 0) ^ (stream >>> 0)) ^ mix(Math.floor(stream / 2 ** 32) + 0x9e37);
  }

  /** 32 random bits (a Weyl sequence through a mixer: splitmix32). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return mix(this.#state);
  }
  /** 0 <= result < n. */
  below(n: number): number {
    return Math.floor((this.next() / 2 ** 32) * n);
  }
  /** low <= result <= high. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }
  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  /** One of the keys, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let at = this.below(entries.reduce((sum, [, w]) => sum + w, 0));
    for (const [key, weight] of entries) {
      if (at < weight) return key;
      at -= weight;
    }
    throw new Error('no weights');
  }

  /** A signed 32-bit number. */
  corner32(): number {
    const kind = this.below(10);
    if (kind < 6) return this.pick(CORNERS);
    if (kind < 8) return ((1 << this.below(32)) + this.between(-1, 1)) | 0;
    return this.next() | 0;
  }
  /** Signed 32-bit and not 0. */
  nonZero32(): number {
    return this.corner32() | 0 || 3;
  }
  /** Two 32-bit halves. */
  corner64(): { low: number; high: number } {
    const low = this.corner32() | 0;
    const kind = this.below(5);
    if (kind === 0) return { low, high: 0 };
    if (kind === 1) return { low, high: low >> 31 };
    return { low, high: this.corner32() | 0 };
  }
}

const CORNERS = [
  0, 1, -1, 2, -2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768,
  65535, 65536, 0x7ffffffe, 0x7fffffff, -0x80000000, -0x7fffffff, 0x01020304, 0x55555555, -0x55555556,
];

/** Every bit of the result depends on every bit of x (lowbias32). */
function mix(x: number): number {
  let y = x >>> 0;
  y = Math.imul(y ^ (y >>> 16), 0x7feb352d);
  y = Math.imul(y ^ (y >>> 15), 0x846ca68b);
  return (y ^ (y >>> 16)) >>> 0;
}
