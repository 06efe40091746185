import { expect, test } from 'vitest';
import { sqlUserName } from '../../../../src/adapters/aaa/sql/user-name.ts';

// What FreeRADIUS 3.2.1 was seen to ask its database for; databases.int.test.ts asks it again.
test.each([
  ['ann@isp.example', 'ann@isp.example'],
  ['olt1/2/3:100 a_b-c', 'olt1/2/3:100 a_b-c'],
  ["o'b", 'o=27b'],
  ['a=b', 'a=3Db'],
  ['100%x', '100=25x'],
  ['isp\\bob', 'isp=5C=5Cbob'],
  ['q"q', 'q=5C=22q'],
  ['jürgen', 'jürgen'],
  ['日本', '日本'],
  ['0x0162', '=5C001b'],
  ['0x62ff78', 'b=5C377x'],
  ['0x096109', '=5Cta=5Ct'],
])('%s stands in the database as %s', (accessKey, written) => {
  expect(sqlUserName(accessKey)).toBe(written);
});
