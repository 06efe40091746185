import { describe, expect, it } from 'vitest';
import { objectsOf, sameObjects, staleObjects } from '../../src/helper/table-text.ts';

const SET = '\tset a {\n\t\ttype ipv4_addr\n\t\tsize 16\n\t}\n';
const CHAIN = '\tchain c {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tip saddr @a accept\n\t}\n';
const table = (...objects: readonly string[]) => `table inet engawa {\n${objects.join('\n')}}\n`;
const names = (found: string, expected: string) => staleObjects(found, expected).map((o) => `${o.kind} ${o.name}`);

describe('the text of our table', () => {
  it('is compared object by object: the order in which they were made says nothing', () => {
    expect(objectsOf(table(SET, CHAIN)).map((o) => o.name)).toEqual(['a', 'c']);
    expect(sameObjects(table(SET, CHAIN), table(CHAIN, SET))).toBe(true);
    expect(sameObjects(table(SET, CHAIN), table(SET, SET))).toBe(false);
    expect(sameObjects(table('\tflags dormant\n', SET), table(SET))).toBe(false);
  });

  it('names what left and what is defined differently; rules alone are replaced by loading', () => {
    expect(names(table(SET, CHAIN), table(CHAIN))).toEqual(['set a']);
    expect(names(table(SET), table(SET.replace('16', '32')))).toEqual(['set a']);
    expect(names(table(CHAIN), table(CHAIN.replace('accept\n', 'drop\n')))).toEqual([]);
    expect(names(table(CHAIN), table(CHAIN.replace('priority filter', 'priority raw')))).toEqual(['chain c']);
    expect(names(table(SET), table(SET, CHAIN))).toEqual([]);
  });
});
