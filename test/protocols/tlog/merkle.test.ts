// The tree against the published vectors of RFC 6962 implementations and against the recursive definition.
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leafHash, MerkleFrontier } from '../../../src/protocols/tlog/merkle.ts';

const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** RFC 9162 §2.1.1, word for word. */
function treeHash(entries: readonly Buffer[]): Buffer {
  if (entries.length === 0) return hash('sha256', '', 'buffer');
  if (entries.length === 1) return leafHash(entries[0]!);
  let k = 1;
  while (k * 2 < entries.length) k *= 2;
  const parts = [Buffer.of(1), treeHash(entries.slice(0, k)), treeHash(entries.slice(k))];
  return hash('sha256', Buffer.concat(parts), 'buffer');
}

describe('Merkle frontier', () => {
  test('no entries: the hash of the empty string', () => {
    expect(MerkleFrontier.empty().root().toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });

  test('the roots of the published vectors', () => {
    const tree = MerkleFrontier.empty();
    for (const [i, input] of INPUTS.entries()) {
      tree.append(leafHash(Buffer.from(input, 'hex')));
      expect(tree.root().toString('hex')).toBe(ROOTS[i]);
    }
  });

  test('any log has the root of the recursive definition, stored and reloaded at any point', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 70 }), fc.nat(70), (entries, at) => {
        const bytes = entries.map((entry) => Buffer.from(entry));
        let tree = MerkleFrontier.empty();
        for (const [i, entry] of bytes.entries()) {
          if (i === at) tree = MerkleFrontier.from(tree.size, tree.bytes())!;
          tree.append(leafHash(entry));
        }
        expect(tree.root()).toEqual(treeHash(bytes));
      }),
      { numRuns: 60 },
    );
  });

  test('a frontier that does not fit its size is refused', () => {
    expect(MerkleFrontier.from(3, Buffer.alloc(32))).toBeUndefined();
    expect(MerkleFrontier.from(-1, Buffer.alloc(0))).toBeUndefined();
    expect(MerkleFrontier.from(1.5, Buffer.alloc(32))).toBeUndefined();
  });
});
