// What gives back what a call took. In: the name of the helper or kfunc; out: words for a help.

const DROP = 'bpf_obj_drop(obj), or add it to a list or tree';

const ITERATOR = /^(bpf_iter_\w+)_new$/;

/** First row whose pattern fits. */
const RELEASES: readonly (readonly [taker: RegExp, words: string])[] = [
  [/^bpf_skc?_lookup_|^bpf_sk_/, 'bpf_sk_release(sk), after a NULL test'],
  [/^bpf_ringbuf_reserve$/, 'bpf_ringbuf_submit or bpf_ringbuf_discard, after a NULL test'],
  [
    /^bpf_ringbuf_reserve_dynptr$/,
    'bpf_ringbuf_submit_dynptr or bpf_ringbuf_discard_dynptr, also when bpf_ringbuf_reserve_dynptr failed',
  ],
  [/^bpf_(obj_new|refcount_acquire)_impl$|^bpf_list_pop_|^bpf_rbtree_remove$/, DROP],
  [/^bpf_percpu_obj_new_impl$/, 'bpf_percpu_obj_drop(obj)'],
  [/^bpf_task_/, 'bpf_task_release(task), after a NULL test'],
  [/^bpf_cgroup_/, 'bpf_cgroup_release(cgrp), after a NULL test'],
  [/^bpf_cpumask_/, 'bpf_cpumask_release(mask), after a NULL test'],
];

/** What a call took and nobody gave back. */
export function heldBy(taker: string): string {
  if (ITERATOR.test(taker)) return `the iterator that ${taker} made is not destroyed`;
  return `${taker === '' ? 'a reference' : `what ${taker} gave`} is still held`;
}

/** What to do about something that is not given back. */
export function releaseHelp(taker: string): string {
  if (taker === 'bpf_kptr_xchg')
    return "the old pointer that bpf_kptr_xchg returns is the program's own from then on: release it as its type asks (bpf_obj_drop, bpf_task_release, ...)";
  return `give it back on every path: ${releaseOf(taker)}`;
}

function releaseOf(taker: string): string {
  const iterator = ITERATOR.exec(taker);
  if (iterator !== null) return `${iterator[1]}_destroy, also when the loop is left early and when ${taker} failed`;
  const row = RELEASES.find(([pattern]) => pattern.test(taker));
  return (
    row?.[1] ?? 'bpf_sk_release(sk) for sockets, bpf_ringbuf_submit or bpf_ringbuf_discard for records, ..._release'
  );
}
