import { bindingsContract } from '../contract/bindings.ts';
import { MemoryBindings } from './bindings.ts';

bindingsContract('in memory', async (now) => {
  const bindings = new MemoryBindings({ now });
  return {
    bindings,
    record: (batch) => bindings.record(batch),
    refreshStatic: (lines) => bindings.refreshStatic(lines),
  };
});
