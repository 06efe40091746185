// The conformance suite for BNGs told by RADIUS, each dialect against the simulated BNG that speaks it, and once for each habit
// in which real ones differ. Simulated: see src/lab/bng.
import { describeDriver } from '../../../contract/driver.ts';
import { BngStage } from './bng-stage.ts';
import { FILTERS } from './stage.ts';

const VALUES = { strict: 'engawa-strict', leaky: 'engawa-leaky', plan: 'plan' };

describeDriver({ name: 'sketch', ipv6: true, leaky: true, proves: true }, () =>
  BngStage.create({ dialect: FILTERS, values: VALUES, vocabulary: 'rfc' }),
);
