// What a NAS says of a session, in accounting, in an answer, in a refusal, and what follows from it.
import { describe, expect, test } from 'vitest';
import type { Confirmation } from '../../../src/core/dialect/dialect.ts';
import { judgeNak, knownCauses } from '../../../src/core/dialect/error-cause.ts';
import { judgeFacts, judgeQuery } from '../../../src/core/dialect/plan.ts';
import { FILTER, VALUES } from './dialects.ts';

const by = (confirm: Confirmation) => ({ ...FILTER, confirm: [confirm, { by: 'portal-hit' as const }] });
const FILTERS = by({
  by: 'accounting',
  strict: { attribute: 'Filter-Id', equals: '{strict}' },
  leaky: { attribute: 'Filter-Id', equals: '{leaky}' },
});

describe('accounting', () => {
  test.each([
    [['garden'], 'strict'],
    [['some-ports'], 'leaky'],
    [['gold'], 'open'],
    [['gold', 'garden'], 'strict'],
    [[], 'unknown'],
  ])('with Filter-Id %j says %s', (values, access) => {
    expect(judgeFacts(FILTERS, values.length === 0 ? {} : { 'Filter-Id': values }, VALUES)).toBe(access);
  });

  test('proves no freedom while a name is not configured: it might be the one that is there', () => {
    expect(judgeFacts(FILTERS, { 'Filter-Id': ['gold'] }, {})).toBe('unknown');
    expect(judgeFacts(FILTERS, { 'Filter-Id': ['garden'] }, {})).toBe('strict');
  });

  test('with a mark of its own for off proves freedom by that alone', () => {
    const states = by({
      by: 'accounting',
      strict: { attribute: 'CoovaChilli-Session-State', equals: '2' },
      off: { attribute: 'CoovaChilli-Session-State', equals: '1' },
    });
    const judged = ['1', '2', '3'].map((state) => judgeFacts(states, { 'CoovaChilli-Session-State': [state] }, {}));
    expect(judged).toEqual(['open', 'strict', 'unknown']);
  });

  test('says nothing for a dialect without marks, nor does an answer that nobody asked for', () => {
    expect(judgeFacts(FILTER, { 'Filter-Id': ['garden'] }, VALUES)).toBe('unknown');
    expect(judgeQuery(FILTERS, [{ name: 'Filter-Id', value: 'garden' }], VALUES)).toBe('unknown');
  });
});

describe('the answer to a status query', () => {
  const services = by({
    by: 'status-query',
    request: { code: 'CoA-Request', attributes: [] },
    strict: { attribute: 'Cisco-Account-Info', contains: 'N1{strict}' },
    leaky: { attribute: 'Cisco-Account-Info', contains: 'N1{leaky}' },
  });
  const judge = (...infos: readonly string[]) =>
    judgeQuery(
      services,
      infos.map((value) => ({ name: 'Cisco-Account-Info', value })),
      VALUES,
    );

  test('is read by whole words: a service is not another one whose name begins like it', () => {
    expect(judge('S192.0.2.1', 'N1garden;3541;home-7;8657')).toBe('strict');
    expect(judge('S192.0.2.1', 'N1garden')).toBe('strict');
    expect(judge('S192.0.2.1', 'N1garden-2;3541', 'N1garden2;1')).toBe('open');
    expect(judge('S192.0.2.1', 'N1garden-2;garden;N1garden;1')).toBe('strict');
    expect(judge('S192.0.2.1', 'N0garden;3541')).toBe('open');
    expect(judge('S192.0.2.1', 'N1some-ports;1')).toBe('leaky');
    expect(judge()).toBe('unknown');
  });

  test('with both services active says strict: the one was not taken away', () => {
    expect(judge('N1some-ports;1', 'N1garden;1')).toBe('strict');
  });

  test('a service with arguments is found by its whole text', () => {
    const values = { ...VALUES, strict: 'garden(192.0.2.80)' };
    const found = (value: string) => judgeQuery(services, [{ name: 'Cisco-Account-Info', value }], values);
    expect(found('N1garden(192.0.2.80)')).toBe('strict');
    expect(found('N1garden(192.0.2.81)')).toBe('open');
  });
});

describe('a NAK', () => {
  test('is judged by what the request says, then the dialect, then the table', () => {
    const dialect = { naks: { 0: { action: 'session-gone' as const, text: 'no such name' } } };
    expect(judgeNak(dialect, undefined)).toEqual({ action: 'session-gone', text: 'no such name' });
    expect(judgeNak(dialect, undefined, { doneOn: [0, 404] }).action).toBe('done');
    expect(judgeNak(dialect, 404, { doneOn: [0, 404] }).action).toBe('done');
    expect(judgeNak(dialect, 404).action).toBe('stop');
    expect(judgeNak({ naks: {} }, undefined).action).toBe('stop');
  });

  test.each([
    [201, 'done'],
    [401, 'stop'],
    [402, 'needs-key'],
    [403, 'stop'],
    [404, 'stop'],
    [405, 'stop'],
    [406, 'stop'],
    [407, 'stop'],
    [501, 'stop'],
    [502, 'stop'],
    [503, 'session-gone'],
    [504, 'stop'],
    [505, 'retry'],
    [506, 'retry'],
    [507, 'wait'],
    [508, 'needs-key'],
    [510, 'stop'],
  ])('with Error-Cause %i asks us to: %s', (cause, action) => {
    expect(judgeNak({ naks: {} }, cause)).toMatchObject({ action, text: expect.stringMatching(/^\S.{10,}[^.]$/) });
  });

  test('with a cause nobody explains stops, and says its number', () => {
    expect(judgeNak({ naks: {} }, 299)).toMatchObject({ action: 'stop', text: expect.stringContaining('299') });
  });

  test('all causes of table and dialect are there to be shown', () => {
    expect(knownCauses({ naks: { 550: { action: 'stop', text: 'x' } } })).toEqual([
      0, 201, 202, 401, 402, 403, 404, 405, 406, 407, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 550, 601,
    ]);
  });
});
