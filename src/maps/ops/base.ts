// Errnos, byte copies and the bucket lock.

// @ts-ignore: decorator
@inline export const ENOENT: i32 = -2;
// @ts-ignore: decorator
@inline export const E2BIG: i32 = -7;
// @ts-ignore: decorator
@inline export const EEXIST: i32 = -17;
// @ts-ignore: decorator
@inline export const EINVAL: i32 = -22;
// @ts-ignore: decorator
@inline export const EDEADLK: i32 = -35;
// @ts-ignore: decorator
@inline export const ETIMEDOUT: i32 = -110;

// A holder needs well under a microsecond, unless its thread is off the processor in the middle of it: on a busy machine
// that lasts many milliseconds. So a CPU looks for a while, then sleeps between the looks (its time is then the
// holder's) and gives up after about a second, as the kernel's rqspinlock gives up after a quarter.
// @ts-ignore: decorator
@inline const LOOKS: u32 = 1 << 12;
// @ts-ignore: decorator
@inline const SLEEPS: u32 = 1000;
// @ts-ignore: decorator
@inline const SLEEP_NS: i64 = 1_000_000;
// CPU 0 may be a browser's main thread, which must not sleep: it looks for as long instead (3-5 ns each).
// @ts-ignore: decorator
@inline const LOOKS_AWAKE: u32 = 1 << 28;

// @ts-ignore: decorator
@inline
export function cpuOf(owner: u32): u32 {
  return (owner & 0xfff) - 1;
}

// Small sizes word by word: memory.copy leaves generated code and costs more than it saves below some 100 bytes.
export function copy(to: u32, from: u32, n: u32): void {
  if (n > 128) {
    memory.copy(to, from, n);
    return;
  }
  while (n >= 8) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
    n -= 8;
  }
  if (n & 4) {
    store<u32>(to, load<u32>(from));
    to += 4;
    from += 4;
  }
  if (n & 2) {
    store<u16>(to, load<u16>(from));
    to += 2;
    from += 2;
  }
  if (n & 1) store<u8>(to, load<u8>(from));
}

// Looks at the lock word until it could be taken: 0, EDEADLK when the caller holds it already, ETIMEDOUT.
function take(addr: u32, owner: u32, looks: u32): i32 {
  for (let i: u32 = 0; i < looks; i++) {
    if (load<u32>(addr) == 0 && atomic.cmpxchg<u32>(addr, 0, owner) == 0) return 0;
    if (atomic.load<u32>(addr) == owner) return EDEADLK;
  }
  return ETIMEDOUT;
}

// Nobody wakes a sleeper: unlocking stays one store, and a millisecond is short beside the turn that was lost.
function takeSleeping(addr: u32, owner: u32): i32 {
  let result = take(addr, owner, LOOKS);
  for (let i: u32 = 0; result == ETIMEDOUT && i < SLEEPS; i++) {
    const held = atomic.load<u32>(addr);
    if (held != 0) atomic.wait<i32>(addr, held, SLEEP_NS);
    result = take(addr, owner, 1);
  }
  return result;
}

// The lock word is 0 or the owner who holds it. One CPU alone never locks.
export function lock(addr: u32, owner: u32, cpus: u32): i32 {
  if (cpus == 1) return 0;
  if (atomic.cmpxchg<u32>(addr, 0, owner) == 0) return 0;
  return cpuOf(owner) == 0 ? take(addr, owner, LOOKS_AWAKE) : takeSleeping(addr, owner);
}

// Makes an element reachable for CPUs that walk without the lock: what was written before it is seen by them.
// @ts-ignore: decorator
@inline
export function publish(link: u32, off: u32, cpus: u32): void {
  if (cpus == 1) store<u32>(link, off);
  else atomic.store<u32>(link, off);
}

// @ts-ignore: decorator
@inline
export function unlock(addr: u32, cpus: u32): void {
  if (cpus != 1) atomic.store<u32>(addr, 0);
}
