#!/usr/bin/env bash
# One Slurm node in namespaces of its own: a job is ended by SIGTERM before its time limit, requeued, loses a process, is requeued
# again, and must end to the bit as the same job undisturbed. Needs root, and slurm-wlm, munge, openmpi-bin, libpmix-dev (Slurm loads libpmix.so by that name), iproute2 of Debian.
# Not part of `npm test`: it takes minutes and a scheduler. Usage: scripts/slurm-node.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ "${1:-}" != inside ]; then
  for program in slurmctld slurmd munged mpirun.openmpi ip; do
    command -v "$program" >/dev/null || { echo "not checked: there is no $program (apt-get install slurm-wlm munge openmpi-bin libpmix-dev iproute2)"; exit 1; }
  done
  # Whatever is started inside ends with the namespace of processes.
  exec unshare --net --uts --mount --pid --mount-proc --fork --kill-child "$0" inside
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
hostname node0
ip link set lo up
ip link add net0 type veth peer name net1 # Slurm looks up no name where a machine has but a loopback
ip addr add 10.78.0.1/24 dev net0
ip link set net0 up
ip link set net1 up
printf '127.0.0.1 localhost\n10.78.0.1 node0\n' >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
mkdir -p "$work/state" "$work/spool" "$work/munge"
chmod 755 "$work" "$work/munge"
dd if=/dev/urandom of="$work/munge/key" bs=1024 count=1 status=none
chmod 600 "$work/munge/key"
munged --force --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed"
cat >"$work/slurm.conf" <<CONF
ClusterName=one
SlurmctldHost=node0(10.78.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
MpiDefault=pmix
JobRequeue=1
KillWait=20
MinJobAge=300
SlurmctldParameters=enable_configless
NodeName=node0 NodeAddr=10.78.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF" -N node0
for _ in $(seq 60); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 0.5; done
sinfo

node "$root/scripts/lib/slurm-text.mjs" >"$work/text.txt"
tsx=$(node -p "require('node:module').createRequire('$root/package.json').resolve('tsx')")
cat >"$work/job.sh" <<JOB
#!/bin/bash
#SBATCH --nodes=1 --ntasks=2 --requeue --open-mode=append
cd $work
srun --mpi=pmix --kill-on-bad-exit=1 node --import file://$tsx --conditions=@densessm/source $root/apps/trainer/src/cli.ts train --requeue \\
  --data text.txt --name "\$SLURM_JOB_NAME" --batch-size 4 --hidden-size 8 --num-hidden-layers 2 --state-size 4 --block-size 12 --max-steps 300 \\
  --eval-interval 0 --eval-iters 1 --sample-interval 0 --save-interval 5 --learning-rate 1e-3 --device wasm --threads 1 --cache-dir cache --log-interval 1
code=\$?
echo "attempt \${SLURM_RESTART_COUNT:-0} ended with \$code"
# 75: ended by a signal and saved; 137: a process was killed
if [ \$code -eq 75 ] || [ \$code -eq 137 ]; then scontrol requeue "\$SLURM_JOB_ID"; sleep 60; fi
exit \$code
JOB

steps() { { cat "$work/out/$1/log.jsonl" 2>/dev/null || true; } | grep -c '"type":"step"' || true; }
reach() { for _ in $(seq 1200); do [ "$(steps "$1")" -ge "$2" ] && return; sleep 0.1; done; echo "$1 did not reach step $2"; cat "$work/$1.txt"; exit 1; }
ended() { for _ in $(seq 600); do [ -z "$(squeue -h -j "$1")" ] && return; sleep 0.5; done; echo "job $1 did not end"; exit 1; }
# A requeued job waits two minutes before it may start. Some seconds are enough; within the same second the node still refuses its credential.
hurry() {
  sleep 5
  for _ in $(seq 240); do
    [ "$(squeue -h -j "$1" -o %T)" = RUNNING ] && return
    scontrol update JobId="$1" StartTime=now 2>/dev/null || true
    sleep 0.5
  done
  echo "job $1 did not start again"
  tail -40 "$work/disturbed.txt"
  exit 1
}
submit() { sbatch --parsable --job-name="$1" --output="$work/$1.txt" "$work/job.sh"; }

whole=$(submit whole)
ended "$whole"
disturbed=$(submit disturbed)
reach disturbed 12
scancel --signal=TERM "$disturbed" # what Slurm sends to the steps before the time limit
for _ in $(seq 240); do grep -q "attempt 0 ended with 75" "$work/disturbed.txt" && break; sleep 0.5; done
hurry "$disturbed"
reach disturbed 60
kill -KILL "$(scontrol listpids "$disturbed" | awk '$4 == 1 { print $1; exit }')" # the second process
for _ in $(seq 240); do grep -q "attempt 1 ended with 137" "$work/disturbed.txt" && break; sleep 0.5; done
hurry "$disturbed"
ended "$disturbed"
grep -h "attempt\|resumes\|ranks" "$work/whole.txt" "$work/disturbed.txt"
for file in model.safetensors trainer.safetensors; do cmp "$work/out/whole/checkpoint/$file" "$work/out/disturbed/checkpoint/$file"; done
[ "$(grep -c "attempt" "$work/disturbed.txt")" -eq 3 ]
[ "$(steps disturbed)" -eq 300 ]
echo "the disturbed job ended as the other, to the bit"
