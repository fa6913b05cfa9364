# The second WebAssembly engine (wasm_second.test.ts): Wasmtime runs compiled programs as they are. stdin: JSON
# {pages, max, base, size, mapOps, runs: [{name, wasm, globals, r1, r2, before: [[offset, base64], ...]}]}, bytes as
# base64; stdout: JSON [{r0 | error, sha256}], the hash of `size` bytes of memory at `base` after the run.
import base64, ctypes, hashlib, json, sys
from wasmtime import Config, Engine, Func, FuncType, Global, GlobalType, Instance, Limits, MemoryType, Module
from wasmtime import SharedMemory as BoundMemory, Store, Table, TableType, Trap, Val, ValType, WasmtimeError

from wasmtime import _ffi as ffi

BUDGET, CHUNK, REFILLS = 24, 65536, 1000

config = Config()
config.wasm_threads = True
config.wasm_tail_call = True
config.shared_memory = True
engine = Engine(config)


class SharedMemory(BoundMemory):
    # wasmtime-py 49 takes the address of the pointer here, which ctypes refuses.
    def _as_extern(self):
        union = ffi.wasmtime_extern_union(sharedmemory=self.ptr())
        return ffi.wasmtime_extern_t(ffi.WASMTIME_EXTERN_SHAREDMEMORY, union)


class Failed(Exception):
    pass


def external(store, memory, job, run, item, map_ops):
    name, kind = item.name, item.type
    if name == 'memory':
        return memory
    if name == 'table':
        return Table(store, TableType(ValType.funcref(), Limits(16, None)), None)
    if isinstance(kind, GlobalType):
        return Global(store, kind, Val.i32(run['globals'][name]))
    if name.startswith('map.'):
        return map_ops()[name[4:]]
    refills = [0]

    def refill():
        refills[0] += 1
        if refills[0] > REFILLS:
            raise Failed('budget')
        at = memory.data_ptr()
        ctypes.memmove(ctypes.addressof(at.contents) + run['globals']['cpu'] + BUDGET, CHUNK.to_bytes(4, 'little'), 4)

    def other(*_):
        raise Failed(name)

    return Func(store, kind, refill if name == 'refill' else other)


def execute(memory, job, run):
    window = ctypes.addressof(memory.data_ptr().contents) + job['base']
    ctypes.memset(window, 0, job['size'])
    for offset, data in run['before']:
        data = base64.b64decode(data)
        ctypes.memmove(window + offset, data, len(data))
    store = Store(engine)
    made = []

    def map_ops():
        if not made:
            module = Module(engine, base64.b64decode(job['mapOps']))
            made.append(Instance(store, module, [memory for _ in module.imports]).exports(store))
        return made[0]

    module = Module(engine, base64.b64decode(run['wasm']))
    imports = [external(store, memory, job, run, item, map_ops) for item in module.imports]
    run64 = Instance(store, module, imports).exports(store)['run64']
    try:
        answer = {'r0': hex(run64(store, run['r1'], run['r2']) & (2**64 - 1))}
    except (Failed, Trap, WasmtimeError) as error:
        answer = {'error': str(error).splitlines()[0]}
    answer['sha256'] = hashlib.sha256(ctypes.string_at(window, job['size'])).hexdigest()
    return answer


job = json.load(sys.stdin)
memory = SharedMemory(engine, MemoryType(Limits(job['pages'], job['max']), shared=True))
json.dump([execute(memory, job, run) for run in job['runs']], sys.stdout)
