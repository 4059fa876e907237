import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mpi } from './ranks';

/** Two "hosts" of this machine: network namespaces that see each other over one cable, a veth pair, and nothing else. */
export interface TwoHosts {
  /** The launcher and its flags for a rank on each host, over TCP alone. */
  launch(mpi: Mpi): readonly string[];
  /** Bytes that the first host has received over the cable. */
  received(): number;
  /** Pulls the cable out, and plugs it in again. */
  cut(): void;
  reconnect(): void;
  remove(): void;
}

const ip = (...words: string[]): string => {
  const { status, stdout, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
  return stdout;
};

/** @param folder for the program that stands in for ssh */
export function twoHosts(folder: string): TwoHosts {
  const [a, b] = ['a', 'b'].map((letter) => `densessm-${process.pid}-${letter}`) as [string, string];
  for (const host of [a, b]) ip('netns', 'add', host);
  ip('link', 'add', 'cable', 'netns', a, 'type', 'veth', 'peer', 'name', 'cable', 'netns', b);
  for (const [i, host] of [a, b].entries()) {
    ip('-n', host, 'addr', 'add', `10.77.0.${i + 1}/24`, 'dev', 'cable');
    for (const device of ['lo', 'cable']) ip('-n', host, 'link', 'set', device, 'up');
  }
  const agent = join(folder, 'agent.sh');
  const inside = (host: string, command: string) => `exec ip netns exec ${host} unshare --uts sh -c "hostname ${host}; ${command}"`;
  writeFileSync(
    agent,
    `#!/bin/sh\nwhile [ "\${1#-}" != "$1" ]; do shift; done\nto=$1; shift\ncase $to in\n10.77.0.1) ${inside(a, '$*')};;\n*) ${inside(b, '$*')};;\nesac\n`,
  );
  chmodSync(agent, 0o755);
  const [net, both] = ['10.77.0.0/24', '10.77.0.1,10.77.0.2'];
  const flags: Record<Mpi['name'], readonly string[]> = {
    'Open MPI': [
      ...['--mca', 'plm_rsh_agent', agent, '--mca', 'btl', 'tcp,self', '--mca', 'btl_tcp_if_include', net],
      ...['--mca', 'oob_tcp_if_include', net, '--host', both],
    ],
    MPICH: ['-launcher', 'ssh', '-launcher-exec', agent, '-hosts', both, '-iface', 'cable', '-genv', 'UCX_TLS', 'tcp,self'],
  };
  return {
    launch: (mpi) => ['ip', 'netns', 'exec', a, mpi.command, ...mpi.flags, ...flags[mpi.name]],
    received: () => JSON.parse(ip('-n', a, '-s', '-j', 'link', 'show', 'cable'))[0].stats64.rx.bytes,
    cut: () => void ip('-n', a, 'link', 'set', 'cable', 'down'),
    reconnect: () => void ip('-n', a, 'link', 'set', 'cable', 'up'),
    remove: () => {
      for (const host of [a, b]) ip('netns', 'del', host);
    },
  };
}
