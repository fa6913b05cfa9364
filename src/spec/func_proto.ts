// The prototype of a function as BTF tells it: what Linux verifies a global function by (btf_prepare_func_args). Plain
// data: types behind typedefs and qualifiers, reduced to what the rules ask for.

export interface TypeShape {
  /** BTF kind; 'void' = none. */
  readonly kind: string;
  readonly name: string;
  /** In bytes; null where C has none (void, forward declarations, functions). */
  readonly size: number | null;
}

export interface PointedShape extends TypeShape {
  /** Typedefs on the way to the type, outermost first. */
  readonly typedefs: readonly string[];
}

export interface ParamProto {
  readonly type: TypeShape;
  /** What a pointer points to. */
  readonly pointsTo: PointedShape | null;
  /** __arg_ctx, __arg_nonnull, ...: the part of the declaration tag behind `arg:`. */
  readonly tags: readonly string[];
}

export interface FuncProto {
  /** Names of the functions that handle exceptions of the program that begins with this one (__exception_cb): one is fine. */
  readonly exceptionCallbacks?: readonly string[];
  readonly name: string;
  /** Global functions are verified on their own, for all arguments of their types; static ones where they are called. */
  readonly linkage: 'static' | 'global';
  readonly returns: TypeShape;
  readonly params: readonly ParamProto[];
}
