// Severity by report type, where the row does not say it (older files have no such column): the feed's own published defaults, as data.
const LEVELS = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof LEVELS)[number];

/** `scan*_x` stands for scan_x and scan6_x. */
const BY_LEVEL: Readonly<Record<Severity, string>> = {
  critical:
    'event*_sinkhole event*_sinkhole_http event*_sinkhole_http_referer event*_microsoft_sinkhole event*_microsoft_sinkhole_http ' +
    'event*_honeypot_brute_force event*_honeypot_ddos event*_honeypot_ics_scan compromised_account compromised_website* ' +
    'compromised_iot* malware_url special scan_adb scan_cisco_smart_install scan_docker scan*_exchange scan*_http_vulnerable ' +
    'scan_netis_router scan*_smtp_vulnerable scan_synfulknock',
  high:
    'event*_ddos_participant event*_honeypot_darknet event*_honeypot_http_scan event*_honeypot_rdp_scan event*_honeypot_smb_scan ' +
    'scan_afp scan_ard scan_beacon scan*_bgp scan_couchdb scan_db2 scan_dvr_dhcpdiscover scan_elasticsearch scan_epmd ' +
    'scan_hadoop scan_ics scan_ipmi scan*_ipp scan_kubernetes scan*_ldap_tcp scan_ldap_udp scan_memcached scan_mongodb ' +
    'scan*_mqtt_anon scan_mssql scan*_mysql scan_nat_pmp scan_netbios scan*_postgres scan_radmin scan*_rdp scan_rdpeudp ' +
    'scan_redis scan_sip scan*_slp scan*_smb scan*_snmp scan_ssdp scan_ubiquiti scan*_vnc scan_xdmcp',
  medium:
    'event*_ip_spoofer population*_bgp scan_amqp scan_chargen scan_coap scan*_cwmp scan_ddos_middlebox scan*_dns scan*_ftp ' +
    'scan*_http_proxy scan_mdns scan*_mqtt scan*_ntp scan*_ntpmonitor scan_portmapper scan_qotd scan_rsync scan_socks scan*_stun ' +
    'scan*_telnet scan_tftp scan_ws_discovery',
  low:
    'blocklist event*_honeypot_ddos_amp event*_honeypot_ddos_target population*_http_proxy sandbox_conn sandbox_dns sandbox_url ' +
    'scan6_elasticsearch scan*_isakmp scan*_ransom scan*_ssh scan*_ssl_freak scan*_ssl_poodle spam_url',
  info:
    'device_id* event*_honeypot_adb_scan event*_honeypot_ikev2_scan event*_honeypot_rocketmq_scan event*_sinkhole_dns ' +
    'iot_exposed_device_stats iot_infected_device_stats population*_msmq population*_xmpp scan*_http scan_mikrotik_population ' +
    'scan_quic scan*_smtp scan*_ssl',
};

const compiled = LEVELS.flatMap((level) =>
  BY_LEVEL[level].split(' ').map((glob) => ({ level, pattern: new RegExp(`^${glob.replace('*', '6?4?')}$`) })),
);

/** undefined = none is published for this type. */
export function defaultSeverity(type: string): Severity | undefined {
  return type.length > 80 ? undefined : compiled.find(({ pattern }) => pattern.test(type))?.level;
}

/** What the row says, if it is one of the five words. */
export function severityNamed(cell: string | undefined): Severity | undefined {
  const word = cell?.toLowerCase();
  return LEVELS.find((level) => level === word);
}
