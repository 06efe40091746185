// A remote hand inside a namespace: what it can do is in abilities-*.ts. Started by remote.ts.
import { HOST_ABILITIES } from './abilities-host.ts';
import { INTERNET_ABILITIES } from './abilities-internet.ts';
import { NAS_ABILITIES } from './abilities-nas.ts';
import { SYSLOG_ABILITIES } from './abilities-syslog.ts';
import { VISIT_ABILITIES } from './abilities-visit.ts';
import { obey } from './obey.ts';

obey({ ...HOST_ABILITIES, ...INTERNET_ABILITIES, ...NAS_ABILITIES, ...SYSLOG_ABILITIES, ...VISIT_ABILITIES });
