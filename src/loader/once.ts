// What is worked out once per key, and lists by key. Objects made to cost refer to the same things from many places, and
// honest ones share types; nothing here is searched from end to end.

/** A Map, or a WeakMap. */
interface Known<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** What is known under the key; `make` says it where nothing is. */
export function once<K, V>(known: Known<K, V>, key: K, make: () => V): V {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = make();
  known.set(key, value);
  return value;
}

/** The values of each key, in their order. */
export function grouped<K, V>(pairs: Iterable<readonly [K, V]>): Map<K, V[]> {
  const lists = new Map<K, V[]>();
  for (const [key, value] of pairs) once<K, V[]>(lists, key, () => []).push(value);
  return lists;
}
