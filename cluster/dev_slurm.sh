#!/usr/bin/env bash
# A real Slurm cluster on one machine: several slurmd on loopback, from Debian's packages.
set -euo pipefail

usage() {
    cat <<'END'
usage: cluster/dev_slurm.sh COMMAND

  up [--dbd]     install what is missing, configure, start, wait until every node is idle;
                 --dbd: real accounting (slurmdbd, MariaDB) instead of a stand-in for sacct
  down [--purge] cancel all jobs and stop what `up` started; --purge: forget everything
  status         daemons and nodes
  env            lines for eval, by which sbatch, squeue and sacct find this cluster
  kill-node nK   the node loses power: SIGKILL its slurmd and all its jobs, and tell Slurm
  start-node nK  and it comes back

Nodes n1 to n4 have 2 CPUs and 8000 MiB each, whatever the machine has. Partitions: ci (default);
low, whose jobs make room for those of high. Needs Linux and no systemd. As root it authenticates by
munge; as an ordinary user by nothing, so only where all other users may act as you, and the packages
must be there already. Everything lives in DEV_SLURM_ROOT (/var/lib/dev-slurm for root).
Exit codes: 0 done, 1 the cluster is not up, 2 wrong usage, or this machine cannot have it.
END
}

NODES=4 CPUS=2 MEMORY=8000
DBD_PORT=16819 SQL_PORT=16306 NODE_PORT=17000 # nK listens on NODE_PORT + K
NET=127.77.0                                                  # and at NET.K: all of 127/8 is loopback
ME=$(id -un)
if [ "$ME" = root ]; then
    ROOT=${DEV_SLURM_ROOT:-/var/lib/dev-slurm} AUTH=munge
else
    ROOT=${DEV_SLURM_ROOT:-/tmp/dev-slurm-$ME} AUTH=none
fi
export SLURM_CONF=$ROOT/slurm.conf PATH=$PATH:/usr/sbin:/sbin

say() { printf 'dev_slurm: %s\n' "$*" >&2; }
die() { # a slip of the operator, or something that this machine cannot have
    say "$*"
    exit 2
}
fail() {
    say "$*; logs are in $ROOT/log"
    exit 1
}

# ---- processes, known by pid file and name only
alive() { # alive NAME PIDFILE: a zombie is dead, though kill -0 says it lives
    local pid
    pid=$(tr -dc 0-9 2>/dev/null <"$2") && [ -n "$pid" ] || return 1
    grep -q "^Name:[[:space:]]$1\$" "/proc/$pid/status" 2>/dev/null &&
        ! grep -q '^State:[[:space:]]Z' "/proc/$pid/status" 2>/dev/null
}
stop() { # stop NAME PIDFILE: a daemon removes its pid file itself, so remember the pid
    [ -s "$2" ] && cp "$2" "$2.stopping" || return 0
    if alive "$1" "$2.stopping"; then kill "$(cat "$2.stopping")"; fi
    wait_for 15 "$1 to stop" not_alive "$1" "$2.stopping" || kill -KILL "$(cat "$2.stopping")"
    rm -f "$2" "$2.stopping"
}
not_alive() { ! alive "$@"; }
wait_for() { # wait_for SECONDS WHAT COMMAND...
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            say "timed out waiting for $what"
            return 1
        fi
        sleep 0.1
    done
}

# ---- packages
install_packages() {
    local wanted=() entry
    for entry in munged:munge slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client "$@"; do
        command -v "${entry%:*}" >/dev/null || wanted+=("${entry#*:}")
    done
    [ ${#wanted[@]} -gt 0 ] || return 0
    [ "$AUTH" = munge ] || die "missing ${wanted[*]}; ask an administrator to install them"
    command -v apt-get >/dev/null || die "no apt-get; install ${wanted[*]} by other means"
    say "installing ${wanted[*]}"
    local policy=/usr/sbin/policy-rc.d made="" log=/tmp/dev-slurm-apt.log
    if [ ! -e $policy ]; then # the packages would start daemons of their own
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        made=$policy
    fi
    local failed=0 apt=(apt-get -qq -o DPkg::Lock::Timeout=300)
    export DEBIAN_FRONTEND=noninteractive
    # without recommended packages 8 come instead of 43
    { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${wanted[@]}"; } >$log 2>&1 ||
        failed=1
    [ -z "$made" ] || rm -f "$made"
    [ $failed = 0 ] || die "apt-get failed; see $log"
}

# ---- configuration
write_configuration() { # write_configuration [--dbd]
    local k
    mkdir -p "$ROOT"/{state,log,run,bin,spool}
    # submitit names result files by job number, so numbers must not begin again after --purge
    [ -s "$ROOT/first_job" ] || date +%-j%H%M >"$ROOT/first_job"
    sed -e "s|@ROOT@|$ROOT|; s|@USER@|$ME|; s|@AUTH@|$AUTH|; s|@FIRST_JOB@|$(cat "$ROOT/first_job")|" \
        "$(dirname "$0")/dev_slurm.conf" >"$SLURM_CONF"
    if [ "${1:-}" = --dbd ]; then
        echo "AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$DBD_PORT" >>"$SLURM_CONF"
        rm -f "$ROOT/bin/sacct"
    else
        echo "AccountingStorageType=accounting_storage/none" >>"$SLURM_CONF"
        write_sacct
    fi
    for ((k = 1; k <= NODES; k++)); do
        mkdir -p "$ROOT/spool/n$k"
        echo "NodeName=n$k NodeAddr=$NET.$k NodeHostname=n$k Port=$((NODE_PORT + k)) CPUs=$CPUS RealMemory=$MEMORY"
    done >>"$SLURM_CONF"
}
write_sacct() { # what submitit asks of sacct, answered from slurmctld's memory
    cat >"$ROOT/bin/sacct" <<'END'
#!/bin/sh
# Stands in for sacct where there is no accounting: JobID|State|NodeList of the jobs given by -j.
wanted=
while [ $# -gt 0 ]; do
    case $1 in
        -j) wanted="$wanted,$2"; shift ;;
        -o) shift ;;
    esac
    shift
done
echo 'JobID|State|NodeList'
squeue --noheader --array --all --states=all --format='%i|%T|%N' | awk -F'|' -v wanted="$wanted," '
    { split($1, part, "_"); if (index(wanted, "," $1 ",") || index(wanted, "," part[1] ",")) print }'
END
    chmod +x "$ROOT/bin/sacct"
}
write_hosts() { # write_hosts [1]: with an argument, add the nodes' names; torch.distributed needs them
    local k text
    [ "$ME" = root ] || return 0
    text=$(grep -v '# dev-slurm$' /etc/hosts)
    for ((k = 1; k <= ${1:-0} * NODES; k++)); do text+=$'\n'"$NET.$k n$k # dev-slurm"; done
    echo "$text" >/etc/hosts # in place: in a container it is a mount
}

# ---- daemons
start_munge() {
    if [ "$AUTH" != munge ] || munge -n </dev/null 2>/dev/null | unmunge >/dev/null 2>&1; then return 0; fi
    install -d -m 0755 -o munge -g munge /run/munge # without systemd nobody makes it
    setpriv --reuid=munge --regid=munge --clear-groups munged
    wait_for 10 munged sh -c 'munge -n </dev/null | unmunge'
    cp /run/munge/munged.pid "$ROOT/run/munged.pid"
}
start_accounting() {
    local sql=$ROOT/sql
    if alive slurmdbd "$ROOT/run/slurmdbd.pid"; then return 0; fi
    (
        umask 077 # slurmdbd refuses a file that others may read
        cat >"$ROOT/slurmdbd.conf" <<END
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$DBD_PORT
SlurmUser=$ME
PidFile=$ROOT/run/slurmdbd.pid
LogFile=$ROOT/log/slurmdbd.log
CommitDelay=0
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$SQL_PORT
StorageUser=slurm
StoragePass=dev-slurm
StorageLoc=slurm_acct
END
    )
    install -d -m 0755 -o slurm -g slurm "$sql" "$ROOT/sqlrun"
    [ -d "$sql/mysql" ] || mariadb-install-db --no-defaults --user=slurm --datadir="$sql" --skip-test-db \
        --auth-root-authentication-method=normal >"$ROOT/log/mariadb-install.log" 2>&1 ||
        fail "MariaDB could not be set up"
    cat >"$ROOT/sql-init.sql" <<'END'
CREATE DATABASE IF NOT EXISTS slurm_acct;
CREATE USER IF NOT EXISTS 'slurm'@'127.0.0.1' IDENTIFIED BY 'dev-slurm';
GRANT ALL ON slurm_acct.* TO 'slurm'@'127.0.0.1';
END
    setsid mariadbd --no-defaults --user=slurm --datadir="$sql" --bind-address=127.0.0.1 \
        --port=$SQL_PORT --socket="$ROOT/sqlrun/socket" --init-file="$ROOT/sql-init.sql" --skip-name-resolve \
        --innodb-buffer-pool-size=64M --innodb-log-file-size=32M --innodb-lock-wait-timeout=900 \
        --innodb-flush-log-at-trx-commit=0 --performance-schema=OFF \
        >"$ROOT/log/mariadbd.log" 2>&1 </dev/null &
    echo $! >"$ROOT/run/mariadbd.pid"
    wait_for 30 MariaDB bash -c "exec 3<>/dev/tcp/127.0.0.1/$SQL_PORT"
    slurmdbd # it has no -f: it looks beside SLURM_CONF
    wait_for 30 slurmdbd sacctmgr -n -P show cluster
    [ -n "$(sacctmgr -n -P show cluster dev format=cluster)" ] || sacctmgr -i -Q add cluster dev >/dev/null
}
start_node() {
    if alive slurmd "$ROOT/run/slurmd-$1.pid"; then return 0; fi
    slurmd -f "$SLURM_CONF" -N "$1"
}
kill_steps() { # a job's steps are no children of slurmd, but keep their node's log open
    local process
    for process in /proc/[0-9]*; do
        if [ "$(cat "$process/comm" 2>/dev/null)" = slurmstepd ] &&
            ls -l "$process/fd" 2>/dev/null | grep -q -- "-> $ROOT/log/slurmd-$1.log\$"; then
            kill_tree "${process#/proc/}"
        fi
    done
}
kill_tree() {
    local child
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do kill_tree "$child"; done
    kill -KILL "$1" 2>/dev/null || true
}

# ---- commands
up() {
    case ${1:-} in
        "") install_packages ;;
        --dbd)
            [ "$AUTH" = munge ] || die "--dbd needs root; wanted: no --dbd, or sudo"
            install_packages slurmdbd:slurmdbd mariadbd:mariadb-server-core \
                my_print_defaults:mariadb-client-core
            ;;
        *) die "up $1: wanted nothing or --dbd" ;;
    esac
    local before
    before=$(cat "$SLURM_CONF" 2>/dev/null || true)
    if [ -n "$before" ] && alive slurmctld "$ROOT/run/slurmctld.pid"; then
        case $before in
            *accounting_storage/slurmdbd*) [ "${1:-}" = --dbd ] || die "it is up with --dbd; down first" ;;
            *) [ "${1:-}" = "" ] || die "it is up without --dbd; down first" ;;
        esac
    fi
    write_configuration "$@"
    write_hosts 1
    start_munge
    if [ "${1:-}" = --dbd ]; then start_accounting; fi
    if ! alive slurmctld "$ROOT/run/slurmctld.pid"; then
        slurmctld -f "$SLURM_CONF"
        wait_for 15 slurmctld sh -c 'scontrol ping | grep -q UP'
    fi
    local k
    for ((k = 1; k <= NODES; k++)); do start_node "n$k"; done
    # a node once drained for a fault stays so in the saved state
    for k in $(sinfo -h -N -o '%N %t' | awk '$2 ~ /^(drain|drng|inval)/ { print $1 }' | sort -u); do
        scontrol update NodeName="$k" State=RESUME
    done
    wait_for 30 "the nodes" all_up || fail "not all nodes came up"
    status
}
all_up() { [ "$(sinfo -h -N -p ci -o %t | grep -cE '^(idle|mix|alloc|comp)$')" = $NODES ]; }
down() {
    local pidfile
    case ${1:-} in "" | --purge) ;; *) die "down $1: wanted nothing or --purge" ;; esac
    if alive slurmctld "$ROOT/run/slurmctld.pid"; then
        squeue -h -o %A | sort -u | xargs -r scancel --quiet || true
        wait_for 15 "jobs to end" sh -c '[ -z "$(squeue -h)" ]' || true
    fi
    stop slurmctld "$ROOT/run/slurmctld.pid"
    for pidfile in "$ROOT"/run/slurmd-*.pid; do
        [ -e "$pidfile" ] || continue
        stop slurmd "$pidfile"
        kill_steps "$(basename "${pidfile#*/slurmd-}" .pid)"
    done
    stop slurmdbd "$ROOT/run/slurmdbd.pid"
    stop mariadbd "$ROOT/run/mariadbd.pid"
    stop munged "$ROOT/run/munged.pid"
    write_hosts
    [ "${1:-}" != --purge ] || rm -rf "$ROOT"
    say down
}
status() {
    local pidfile name
    for pidfile in "$ROOT"/run/*.pid; do
        [ -e "$pidfile" ] || continue
        name=$(basename "$pidfile" .pid)
        alive "${name%%-*}" "$pidfile" && echo "$name runs" || echo "$name does not run"
    done
    alive slurmctld "$ROOT/run/slurmctld.pid" || fail "the cluster is down; wanted: up"
    sinfo -N -o '%.6N %.6P %.10t %.5c %.8m'
}
node() { # node nK: the name, if it is one
    case ${1:-} in n[1-$NODES]) echo "$1" ;; *) die "node '${1:-}': wanted n1 to n$NODES" ;; esac
}
kill_node() {
    local pidfile=$ROOT/run/slurmd-$1.pid
    alive slurmd "$pidfile" || die "$1 does not run"
    kill -KILL "$(cat "$pidfile")"
    rm -f "$pidfile"
    kill_steps "$1"
    scontrol update NodeName="$1" State=DOWN Reason=kill-node # by itself Slurm needs 25 s
}

case ${1:-} in
    up | down) "$@" ;;
    status) status ;;
    env)
        echo "export SLURM_CONF=$SLURM_CONF"
        [ ! -x "$ROOT/bin/sacct" ] || echo "export PATH=$ROOT/bin:\$PATH"
        ;;
    kill-node | start-node)
        name=$(node "${2:-}")
        "${1/-/_}" "$name"
        ;;
    -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
