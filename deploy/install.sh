#!/usr/bin/env bash
# Install IPManager on Debian 12 or 13, or upgrade an installation to the version of this checkout. A second run
# without changes changes nothing.
#
#     deploy/install.sh --name ipam.example.org              # everything on this machine, PostgreSQL included
#     deploy/install.sh --boot 10.20.10.5                    # later: machines may boot from the network, too
#     deploy/install.sh --database postgresql                # later: the ledger moves from SQLite to PostgreSQL
#     deploy/install.sh --restore FILE                       # on a new host: settings and ledger of a lost one
#     deploy/install.sh uninstall                            # all but the data; --purge: the data, too
#
#   --name NAME           host name or address that people type (default: this host's full name)
#   --boot ADDRESS        where booting machines reach this host by plain HTTP
#   --database WHAT       postgresql (default: role ipadmin, database ipmanager_db on this host), sqlite, or postgres://...
#                         A ledger in SQLite moves there; a ledger that would be left behind is a refusal.
#   --restore FILE        a backup, or a directory: the newest backup in it
#   --reload WAY          generation (default: a root-owned path unit), sudo, or none
#   --without PARTS       what this host does not get, as in nginx,dnsmasq
#   --wheels DIRECTORY    install Python packages from there, without a network
#   --venv DIRECTORY      use this Python environment; it must hold what requirements/run.txt names
#
# Settings are kept in /etc/ipmanager/environment; options given later change them there. Data: /var/lib/ipmanager.
# Without a running systemd it installs the same and starts nothing.
set -euo pipefail
shopt -s lastpipe nullglob
umask 022
export LC_ALL=C.UTF-8

source=$(cd "$(dirname "$0")/.." && pwd)
here=$PWD
cd / # not every user may stand where root stands
etc=/etc/ipmanager home=/opt/ipmanager data=/var/lib/ipmanager
environment=$etc/environment
reload_nginx= restart_dnsmasq= reload_units= restart_us= fresh= frozen= url= engine= changes=0

# --- output and files ---------------------------------------------------------------------------------------------

say() {
    echo "ipmanager: $*"
    changes=$((changes + 1))
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$source/deploy/install.sh"
    exit "${1:-0}"
}

with() { [[ ",$without," != *",$1,"* ]]; }
has_systemd() { [ -d /run/systemd/system ]; }
# manage: manage.py of this checkout's release, which is not in service yet.
manage() { IPMANAGER_RELEASE=$release /usr/local/sbin/ipmanager-manage "$@"; }

# put MODE TARGET: standard input becomes the file, unless it is that already. True when it was changed.
put() {
    local mode=$1 target=$2 owner=${3:-root:root} new
    new=$(mktemp)
    cat >"$new"
    if cmp --silent "$new" "$target" && [ "$(stat --format %a:%U:%G "$target")" = "$mode:$owner" ]; then
        rm "$new"
        return 1
    fi
    mkdir -p "$(dirname "$target")"
    install --mode="$mode" --owner="${owner%:*}" --group="${owner#*:}" "$new" "$target.new"
    mv "$target.new" "$target"
    rm "$new"
    say "${what:-$target}"
}

# directory MODE OWNER PATH...
directory() {
    local mode=$1 owner=$2 path
    shift 2
    for path; do
        if [ "$(stat --format %a:%U:%G "$path" 2>/dev/null)" != "$mode:$owner:$owner" ]; then
            install --directory --mode="$mode" --owner="$owner" --group="$owner" "$path"
            say "$path"
        fi
    done
}

# own MODE PATH...: directories below the service's own, created by its user: root would follow a link placed there.
own() {
    local mode=$1 path
    shift
    for path; do
        ! is_own "$mode" "$path" || continue
        setpriv --reuid ipmanager --regid ipmanager --init-groups install --directory --mode="$mode" "$path" || true
        is_own "$mode" "$path" || fail "$path does not belong to ipmanager: remove it, or chown it"
        say "$path"
    done
}

is_own() { [ "$(stat --dereference --format %a:%U:%G "$2" 2>/dev/null)" = "$1:ipmanager:ipmanager" ]; }

# --- settings: kept in one file, read by the services -----------------------------------------------------------------

setting() { sed -n "s/^$1=//p" "$environment" 2>/dev/null | tail -1; }

# keep NAME VALUE: replaces the line, or the commented line that explains it.
keep() {
    local name=$1 value=$2 text
    [ "$(setting "$name")" != "$value" ] || return 0
    [[ $value != *$'\n'* ]] || fail "$name: a value must be one line"
    text=$(NAME=$name VALUE=$value awk '
        BEGIN { name = ENVIRON["NAME"]; value = ENVIRON["VALUE"] }
        !done && (index($0, name "=") == 1 || index($0, "#" name "=") == 1) { print name "=" value; done = 1; next }
        { print }
        END { if (!done) print name "=" value }' "$environment")
    what="$environment: $name" put 640 "$environment" root:ipmanager <<<"$text" || return 0
    restart_us=1
}

# What an uninstallation has put aside, else the file that explains every setting.
settings_file() {
    if [ ! -e "$environment" ] && [ -d "$data/etc" ] && [ "$(stat --format %u "$data/etc")" = 0 ]; then
        mv "$data/etc" "$etc"
        say "$etc as it was before"
    fi
    directory 755 root "$etc"
    if [ ! -e "$environment" ]; then
        put 640 "$environment" root:ipmanager <"$source/deploy/environment"
        fresh=1
    fi
    if [ "$(stat --format %a:%U:%G "$environment")" != 640:root:ipmanager ]; then
        chown root:ipmanager "$environment"
        chmod 640 "$environment"
        say "$environment: mode 640"
    fi
    [ -e "$etc/helpers" ] || put 644 "$etc/helpers" <"$source/deploy/helpers"
    if [ -n "$without" ] && ! grep --quiet "^WITHOUT=$without$" "$etc/helpers"; then
        sed --in-place "s/^#\?WITHOUT=.*/WITHOUT=$without/" "$etc/helpers"
        say "$etc/helpers: without $without"
    fi
    without=$(sed -n 's/^WITHOUT=//p' "$etc/helpers")
}

# default NAME VALUE: keep it, unless there is a value already.
default() { [ -n "$(setting "$1")" ] || keep "$1" "$2"; }

# Which database, if no option says: that of the archive, the one that is set, PostgreSQL on this host when nothing is.
choose_database() {
    [ -z "$database" ] || return 0
    database=$(setting DATABASE_URL)
    if [ "$engine" = sqlite ]; then database=sqlite; return; fi
    if [ "$fresh" ] && [[ $database != postgres://* ]] || [[ $database == *ipadmin@%2Fvar%2Frun%2Fpostgresql:* ]]; then database=postgresql; fi
    database=${database:-sqlite}
}

settings() {
    if [ "$fresh" ]; then
        keep IPMANAGER_DATA_DIR "$data"
        default IPMANAGER_BIND 127.0.0.1:8000
        [ -n "$(setting IPMANAGER_PUBLIC_URL)" ] || name=${name:-$(hostname --fqdn 2>/dev/null || hostname)}
    fi
    if [ -n "$name" ]; then
        keep IPMANAGER_PUBLIC_URL "https://$name"
        keep IPMANAGER_ALLOWED_HOSTS "$name,localhost,127.0.0.1"
    fi
    if [ "$fresh" ] && with nginx; then
        default IPMANAGER_TRUSTED_PROXIES 127.0.0.1
        default IPMANAGER_BOOT_ACCEL /boot-files/
    fi
    if [ "$fresh" ] && with dnsmasq; then
        default IPMANAGER_DNSMASQ_DNS 127.0.0.1:53
        default IPMANAGER_DNSMASQ_CONF /etc/dnsmasq.d/ipmanager.conf
        default IPMANAGER_DNSMASQ_RELOAD generation
    fi
    [ -z "$reload" ] || keep IPMANAGER_DNSMASQ_RELOAD "$reload"
    [ -z "$boot" ] || keep IPMANAGER_BOOT_URL "http://$boot"
}

# --- the pieces -------------------------------------------------------------------------------------------------------

packages() {
    local wanted=(python3 python3-venv openssl util-linux) missing=() package
    ! with nginx || wanted+=("nginx-light|nginx|nginx-full|nginx-extras")
    ! with dnsmasq || wanted+=("dnsmasq|dnsmasq-base")
    [ "$database" != postgresql ] || wanted+=(postgresql)
    [[ $database != postgres://* ]] || command -v pg_dump >/dev/null || wanted+=(postgresql-client) # for backups
    [ "${reload:-$(setting IPMANAGER_DNSMASQ_RELOAD)}" != sudo ] || wanted+=(sudo)
    [ -z "$boot" ] || wanted+=(ipxe)
    for package in "${wanted[@]}"; do
        installed "$package" || missing+=("${package%%|*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "packages: ${missing[*]}"
    apt_install "${missing[@]}" || {
        echo "ipmanager: once more, with new lists of packages"
        apt-get update --quiet && apt_install "${missing[@]}"
    } || fail "apt-get could not install ${missing[*]}. Connect this host to a Debian mirror (/etc/apt/sources.list.d)," \
        "or install them by hand, and run this again"
}

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "$@"; }

# installed A|B: one of them is.
installed() {
    local package
    for package in ${1//|/ }; do
        [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" != installed ] || return 0
    done
    return 1
}

user() {
    getent passwd "$1" >/dev/null && return
    # Its home exists, so that adduser copies nothing there; nobody logs in.
    useradd --system --user-group --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
    say "user $1"
}

directories() {
    directory 711 ipmanager "$data"
    own 755 "$data"/{dnsmasq,boot,tftp}
    [ "$(setting IPMANAGER_DNSMASQ_EVICT)" != helper ] || own 755 "$data/dnsmasq/evict"
}

# The program as one stream of bytes: every room, whatever is added to them. With --mtime=@0 the same files give the
# same bytes.
program() {
    local room rooms=()
    for room in "$source"/*/__init__.py; do
        room=$(basename "$(dirname "$room")")
        [ "$room" = tests ] || rooms+=("$room")
    done
    tar --create --directory "$source" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        --exclude=__pycache__ --exclude='*.pyc' "$@" \
        manage.py pyproject.toml requirements "${rooms[@]}" bin templates deploy docs README.md LICENSE
}

release() {
    local lock digest venv new
    lock=$(sha256sum <"$source/requirements/run.txt" | cut -c1-12)
    digest=$(program --mtime=@0 | sha256sum | cut -c1-12)
    release=$home/releases/$digest
    venv=${given_venv:-$home/venvs/$lock}
    [ -x "$venv/bin/python" ] || make_venv "$venv"
    runuser -u ipmanager -- "$venv/bin/python" -c pass 2>/dev/null ||
        fail "$venv: the user ipmanager cannot run its Python, $(readlink -f "$venv/bin/python");" \
            "make it with /usr/bin/python3, or remove it and run this again without --venv"
    if [ ! -d "$release" ]; then
        new=$release.new
        rm -rf "$new"
        mkdir -p "$new"
        program | tar --extract --directory "$new" --no-same-owner
        ln -s "$venv" "$new/.venv"
        "$venv/bin/python" -m compileall -q -o 0 "$new"
        mv "$new" "$release"
        say "$release"
    elif [ "$(readlink "$release/.venv")" != "$venv" ]; then
        ln -sfn "$venv" "$release/.venv"
        say "$release/.venv: $venv"
    fi
}

make_venv() {
    local options=(--require-hashes --disable-pip-version-check --progress-bar off --retries 2 --timeout 15) log
    [ -z "$wheels" ] || options+=(--no-index --find-links "$wheels")
    rm -rf "$1.new"
    mkdir -p "$(dirname "$1")"
    /usr/bin/python3 -m venv "$1.new" # whatever python3 root has first: the service cannot reach one in root's home
    log=$(mktemp)
    "$1.new/bin/python" -m pip install "${options[@]}" --requirement "$source/requirements/run.txt" 2>&1 |
        tee "$log" | pip_progress || {
        tail -n 15 "$log" >&2
        rm -rf "$log" "$1.new"
        fail "pip could not install the Python packages. Without a network: pip download --require-hashes" \
            "--requirement requirements/run.txt --dest wheels on a host with the same Debian, then --wheels DIRECTORY"
    }
    rm "$log"
    mv "$1.new" "$1"
    say "$1"
}

# One line for each tenth of what pip has found.
pip_progress() {
    local line done=0 all
    all=$(grep --count '^[a-z0-9].*==' "$source/requirements/run.txt")
    while IFS= read -r line; do
        case $line in
        Collecting* | Processing*)
            done=$((done + 1))
            [ $((done * 10 / all)) = $(((done - 1) * 10 / all)) ] ||
                echo "ipmanager: Python packages: $done of $all found"
            ;;
        Installing*) echo "ipmanager: Python packages: installing" ;;
        esac
    done
}

switch() {
    if [ "$(readlink "$home/current" || true)" != "$release" ]; then
        ln -sfn "$release" "$home/current.new"
        mv --no-target-directory "$home/current.new" "$home/current"
        restart_us=1
        say "$home/current: $release"
    fi
    local path # nothing but what is in use
    for path in "$home"/releases/* "$home"/venvs/*; do
        [ -d "$path" ] && [ "$path" != "$release" ] && [ "$path" != "$(readlink "$release/.venv")" ] || continue
        rm -rf "$path"
        say "$path removed"
    done
}

commands() {
    put 755 /usr/local/sbin/ipmanager-manage <"$source/deploy/ipmanager-manage" || true
    put 755 /usr/local/sbin/ipmanager-arp <"$source/deploy/ipmanager-arp" || true
    with dnsmasq || return 0
    local helper
    for helper in ipmanager-dnsmasq-conf ipmanager-evict ipmanager-reload; do
        put 755 "/usr/local/sbin/$helper" <"$source/deploy/$helper" || true
    done
}

# Run PROGRAM as PostgreSQL's superuser.
postgres() { setpriv --reuid postgres --regid postgres --init-groups env --chdir=/ "$@"; }
sql() { postgres psql --port "$port" --no-psqlrc --quiet --tuples-only --no-align --dbname "${2:-postgres}" --command "$1"; }

local_postgresql() {
    if [ -z "$(pg_lsclusters --no-header)" ]; then
        pg_createcluster "$(ls /usr/lib/postgresql | sort --version-sort | tail -1)" main >/dev/null
        say "PostgreSQL cluster main"
    fi
    read -r pg_version cluster port _ < <(pg_lsclusters --no-header)
    start_postgresql
    url="postgres://ipadmin@%2Fvar%2Frun%2Fpostgresql:$port/ipmanager_db"
    peers || true
    if [ "$(sql "SELECT 1 FROM pg_roles WHERE rolname = 'ipadmin'")" != 1 ]; then
        sql "CREATE ROLE ipadmin LOGIN CREATEDB"
        say "PostgreSQL role ipadmin"
    fi
    if [ "$(sql "SELECT 1 FROM pg_database WHERE datname = 'ipmanager_db'")" != 1 ]; then
        sql "CREATE DATABASE ipmanager_db OWNER ipadmin ENCODING 'UTF8' TEMPLATE template0"
        say "PostgreSQL database ipmanager_db"
    fi
}

start_postgresql() {
    ! pg_ctlcluster "$pg_version" "$cluster" status >/dev/null 2>&1 || return 0
    if has_systemd; then
        systemctl start "postgresql@$pg_version-$cluster"
    else
        pg_ctlcluster "$pg_version" "$cluster" start
        trap 'pg_ctlcluster --mode fast "$pg_version" "$cluster" stop' EXIT
    fi
}

# The users ipmanager, postgres and root of this host are ipadmin without a password, over the socket only.
peers() {
    local directory=/etc/postgresql/$pg_version/$cluster
    {
        grep --invert-match '# ipmanager$' "$directory/pg_ident.conf" || true
        printf 'ipmanager %s ipadmin # ipmanager\n' ipmanager postgres root
    } | put 640 "$directory/pg_ident.conf" postgres:postgres || true
    {
        echo "local all ipadmin peer map=ipmanager # ipmanager"
        grep --invert-match '# ipmanager$' "$directory/pg_hba.conf"
    } | put 640 "$directory/pg_hba.conf" postgres:postgres || return 1
    sql "SELECT pg_reload_conf()" >/dev/null
}

# The database that was chosen, by its URL; empty is the SQLite file. Nobody uses it yet.
target() {
    case $database in
    postgresql) local_postgresql ;;
    sqlite) ;;
    *) url=$database ;;
    esac
}

# Let the services use it from now on. A ledger in SQLite moves there first; no ledger is left behind.
database() {
    local file=$etc/.database-url answer
    [ "$(setting DATABASE_URL)" != "$url" ] || return 0
    [ -z "$(setting DATABASE_URL_FILE)" ] || fail "DATABASE_URL_FILE in $environment has the last word: change its file"
    (umask 027 && echo "$url" >"$file" && chgrp ipmanager "$file") # no process list shows its password
    answer=$(manage move_to_postgresql --plan --url-file "$file") || {
        rm "$file"
        fail "the database stays as it was"
    }
    if [ "$answer" = move ]; then
        stop_services
        manage prepare
        manage move_to_postgresql --url-file "$file" | sed -n 1p || {
            rm "$file"
            services_again
            fail "the ledger stays in SQLite, and in service"
        }
        say "the ledger has moved to PostgreSQL; the SQLite file stays, and hands out no address"
    fi
    rm "$file"
    keep DATABASE_URL "$url"
}

stop_services() {
    ! has_systemd || [ ! -e "$home/current" ] || systemctl stop ipmanager-service ipmanager-worker
    restart_us=1
}

services_again() { ! has_systemd || [ ! -e "$home/current" ] || systemctl start ipmanager-service ipmanager-worker; }

# Before another release touches the database, by the release that has written it.
backup() {
    [ -e "$home/current" ] && [ "$(readlink "$home/current")" != "$release" ] || return 0
    say "backup: $(/usr/local/sbin/ipmanager-manage backup --no-boot-files)"
}

# The database and the first user; the new release does it, before anybody is switched to it.
prepare() { manage prepare; }

# --- a lost host, from its backup ---------------------------------------------------------------------------------------

# The archive that --restore names, and of which kind of database it is.
choose_archive() {
    [ -n "$restore" ] || return 0
    local found=("$restore")
    [ ! -d "$restore" ] || found=("$restore"/ipmanager-*.tar)
    [ ${#found[@]} -gt 0 ] || fail "--restore: there is no ipmanager-*.tar in $restore"
    restore=${found[-1]}
    [ -r "$restore" ] || fail "--restore: there is no $restore"
    engine=$(member manifest.json | sed -n 's/^ "engine": "\(sqlite\|postgresql\)",$/\1/p')
    [ -n "$engine" ] || fail "--restore: $restore is not a backup of IPManager, or it is damaged"
    case $engine:$database in
    *: | sqlite:sqlite | postgresql:postgres*) ;;
    *) fail "--restore: the backup is of $engine; restore it without --database, then move it" ;;
    esac
}

member() { tar --extract --to-stdout --file "$restore" "$1" 2>/dev/null || true; }

# The settings of the lost host, on a host that has none yet.
archived_settings() {
    [ -n "$restore" ] || return 0
    if [ -z "$fresh" ]; then
        echo "ipmanager: the settings of this host are kept, not those of the archive"
        return
    fi
    local line left_out=()
    while IFS= read -r line; do
        case $line in
        IPMANAGER_DATA_DIR=* | DATABASE_URL=sqlite:* | *=) continue ;;
        esac
        if grep --quiet "^#\?${line%%=*}=" "$source/deploy/environment"; then
            keep "${line%%=*}" "${line#*=}"
        else
            left_out+=("${line%%=*}")
        fi
    done < <(member environment)
    [ ${#left_out[@]} = 0 ] || echo "ipmanager: not taken from the archive: ${left_out[*]}"
}

restored() {
    [ -n "$restore" ] || return 0
    local copy
    copy=$data/backups/$(basename "$restore")
    own 700 "$data/backups"
    if [ "$(readlink -f "$restore")" != "$copy" ]; then # by its user: root would follow a link placed there
        setpriv --reuid ipmanager --regid ipmanager --init-groups sh -c 'umask 077; cat >"$1"' - "$copy" <"$restore"
    fi
    stop_services
    manage restore "$copy" || {
        services_again
        fail "nothing was restored"
    }
    say "$(basename "$restore")"
}

# Hand out addresses again: the restored ledger is compared with what this host knows of the network.
thawed() {
    [ -n "$restore" ] || return 0
    /usr/local/sbin/ipmanager-manage thaw || frozen=1
}

units() {
    local unit
    for unit in ipmanager-service.service ipmanager-worker.service ipmanager-dnsmasq-agent@.service \
        ipmanager-registry-agent.service ipmanager-arp.socket ipmanager-arp.service ipmanager-backup.service \
        ipmanager-backup.timer; do
        put 644 "/etc/systemd/system/$unit" <"$source/deploy/systemd/$unit" && reload_units=1 restart_us=1
    done
    if with dnsmasq; then
        for unit in ipmanager-{dnsmasq-conf,evict,reload}.{path,service} dnsmasq.service.d/ipmanager.conf; do
            put 644 "/etc/systemd/system/$unit" <"$source/deploy/systemd/$unit" && reload_units=1
        done
    fi
    enable ipmanager-service.service ipmanager-worker.service ipmanager-backup.timer
}

# Which root-owned way leads to dnsmasq, and no other.
ways() {
    local unit way
    way=$(setting IPMANAGER_DNSMASQ_RELOAD)
    if [ "$way" = sudo ]; then
        for unit in ipmanager-service ipmanager-worker; do
            put 644 "/etc/systemd/system/$unit.service.d/sudo.conf" <"$source/deploy/systemd/sudo.conf" &&
                reload_units=1 restart_us=1
        done
        visudo --check --quiet --file "$source/deploy/sudoers.d/ipmanager" || fail "the sudoers line is not accepted"
        put 440 /etc/sudoers.d/ipmanager <"$source/deploy/sudoers.d/ipmanager" || true
    else
        remove /etc/sudoers.d/ipmanager /etc/systemd/system/ipmanager-{service,worker}.service.d/sudo.conf
    fi
    if [ -n "$(setting IPMANAGER_ARP_HELPER)" ]; then enable ipmanager-arp.socket; else disable ipmanager-arp.socket; fi
    with dnsmasq || return 0
    if [ "$way" = generation ]; then enable ipmanager-reload.path; else disable ipmanager-reload.path; fi
    enable ipmanager-dnsmasq-conf.path ipmanager-dnsmasq-conf.service
    if [ "$(setting IPMANAGER_DNSMASQ_EVICT)" = helper ]; then enable ipmanager-evict.path; else disable ipmanager-evict.path; fi
}

enable() {
    local unit
    command -v systemctl >/dev/null || return 0
    for unit; do
        systemctl --quiet is-enabled "$unit" 2>/dev/null && continue
        systemctl --quiet enable "$unit"
        reload_units=1
        say "$unit enabled"
    done
}

disable() {
    local unit
    command -v systemctl >/dev/null || return 0
    for unit; do
        systemctl --quiet is-enabled "$unit" 2>/dev/null || continue
        if has_systemd; then systemctl --quiet disable --now "$unit"; else systemctl --quiet disable "$unit"; fi
        say "$unit disabled"
    done
}

remove() {
    local path
    for path; do
        [ -e "$path" ] || [ -L "$path" ] || continue
        rm -rf "$path"
        reload_units=1
        say "$path removed"
    done
}

dnsmasq() {
    with dnsmasq || return 0
    [ ! -e /etc/dnsmasq.d/00-global.conf ] || return 0
    put 644 /etc/dnsmasq.d/00-global.conf <"$source/deploy/dnsmasq/00-global.conf"
    restart_dnsmasq=1
}

boot_files() {
    [ -n "$(setting IPMANAGER_BOOT_URL)" ] || return 0
    grep --quiet '^CONF_OPTIONS=.*tftp-root' "$etc/helpers" 2>/dev/null || {
        sed --in-place "s|^#\\?CONF_OPTIONS=.*|CONF_OPTIONS=--tftp-root $data/tftp|" "$etc/helpers"
        say "$etc/helpers: root lets $data/tftp be served by TFTP"
    }
    [ ! -d /usr/lib/ipxe ] || [ -n "$(find "$data/tftp" -type f -print -quit)" ] || {
        /usr/local/sbin/ipmanager-manage publish_loaders >/dev/null
        say "iPXE's loaders in $data/tftp"
    }
}

certificate() {
    [ ! -e "$etc/tls/certificate.pem" ] || return 0
    directory 755 root "$etc/tls"
    local kind=DNS
    [[ $public =~ ^[0-9.]+$|: ]] && kind=IP
    (
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj "/CN=$public" \
            -addext "subjectAltName=$kind:$public" -keyout "$etc/tls/key.pem" -out "$etc/tls/certificate.pem" 2>/dev/null
    )
    chmod 644 "$etc/tls/certificate.pem"
    say "$etc/tls: a certificate signed by itself; put your own there"
}

nginx() {
    with nginx || return 0
    local public backend boot_host site=/etc/nginx/sites-available/ipmanager default=/etc/nginx/sites-enabled/default
    public=$(setting IPMANAGER_PUBLIC_URL) public=${public#*://} public=${public%%[:/]*}
    boot_host=$(setting IPMANAGER_BOOT_URL) boot_host=${boot_host#*://} boot_host=${boot_host%%[:/]*}
    backend=$(setting IPMANAGER_BIND)
    certificate
    put 644 /etc/nginx/snippets/ipmanager-proxy.conf <"$source/deploy/nginx/ipmanager-proxy.conf" && reload_nginx=1
    sed "s/@NAME@/$public/g; s/@BACKEND@/$backend/g; s/ *@BOOT_HOST@/${boot_host:+ $boot_host}/g; $(http2)" \
        "$source/deploy/nginx/ipmanager.conf" | put 644 "$site" && reload_nginx=1
    [ -L /etc/nginx/sites-enabled/ipmanager ] || {
        ln -s "$site" /etc/nginx/sites-enabled/ipmanager
        say "/etc/nginx/sites-enabled/ipmanager"
        reload_nginx=1
    }
    if [ -L "$default" ]; then # Debian's own page answers for every name, too
        readlink "$default" >"$etc/nginx-default"
        rm "$default"
        say "$default removed"
    fi
    /usr/sbin/nginx -t -q || fail "nginx does not accept its configuration"
}

# From nginx 1.25.1 on, HTTP/2 is a directive of its own; `listen … http2` prints a warning.
http2() {
    local version
    version=$(/usr/sbin/nginx -v 2>&1 | sed 's/.*nginx\///; s/ .*//')
    [ "$(printf '%s\n' 1.25.1 "$version" | sort --version-sort | head -n 1)" = 1.25.1 ] || return 0
    echo 's/ ssl http2/ ssl/; s/^\( *\)ssl_protocols/\1http2 on;\n&/'
}

start() {
    has_systemd || return 0
    [ -z "$reload_units" ] || systemctl daemon-reload
    if [ -n "$restart_us" ]; then systemctl restart ipmanager-service; else systemctl start ipmanager-service; fi
    [ -z "$(setting IPMANAGER_ARP_HELPER)" ] || systemctl start ipmanager-arp.socket
    systemctl start ipmanager-worker ipmanager-backup.timer
    if with dnsmasq; then
        [ -z "$restart_dnsmasq" ] || systemctl restart dnsmasq
        systemctl start ipmanager-dnsmasq-conf.path
        [ -e /etc/dnsmasq.d/ipmanager.conf ] || systemctl start --no-block ipmanager-dnsmasq-conf.service
        [ "$(setting IPMANAGER_DNSMASQ_RELOAD)" != generation ] || systemctl start ipmanager-reload.path
        [ "$(setting IPMANAGER_DNSMASQ_EVICT)" != helper ] || systemctl start ipmanager-evict.path
    fi
    if with nginx; then systemctl start nginx; [ -z "$reload_nginx" ] || systemctl reload nginx; fi
}

# Where it is, and what to do next.
closing_words() {
    if [ "$changes" = 0 ]; then
        echo "ipmanager: nothing to do"
        return
    fi
    local at
    at=$(setting IPMANAGER_PUBLIC_URL)
    if has_systemd; then
        echo "ipmanager: in service at $at/"
    else
        echo "ipmanager: installed; systemd is not running: start by hand: ipmanager-manage run, nginx," \
            "$home/current/deploy/container/ipmanager-dnsmasq; and make backups: ipmanager-manage backup --keep 14"
    fi
    [ -z "$fresh$restore" ] || next_steps
}

next_steps() {
    echo
    echo "Log in:  $at/admin/ ($(login))"
    [ ! -e "$etc/tls/certificate.pem" ] ||
        echo "TLS:     browsers warn of the self-signed certificate; put yours into $etc/tls, then reload nginx"
    [ -n "$restore" ] || ! with dnsmasq ||
        echo "DHCP:    add a subnet with a DHCP pool, then a DHCP scope: $at/admin/dhcp/dhcpscope/add/"
    echo "Check:   ipmanager-manage doctor"
    ! has_systemd || echo "Backups: every night in $data/backups; copy them to another machine"
    echo "Manual:  $home/current/docs/operation.md"
}

login() {
    if [ -n "$restore" ]; then
        echo "users and passwords of the backup"
    elif [ -n "$(setting IPMANAGER_ADMIN_PASSWORD)" ]; then
        echo "admin, with IPMANAGER_ADMIN_PASSWORD"
    else
        echo "admin, with the password above; a new one: ipmanager-manage changepassword admin"
    fi
}

# --- install and uninstall ----------------------------------------------------------------------------------------------------

install_all() {
    choose_archive
    user ipmanager "$data"
    user ipmanager-agent /var/lib/ipmanager-agent
    settings_file
    archived_settings
    choose_database
    packages
    settings
    directories
    target
    release
    commands
    backup
    database
    restored
    prepare
    switch
    units
    ways
    dnsmasq
    boot_files
    nginx
    former_backup
    start
    thawed
    closing_words
    [ -z "$frozen" ] || fail "no address is handed out until: ipmanager-manage thaw"
}

# The manual once told to make a second nightly backup.
former_backup() {
    local cron=/etc/cron.d/ipmanager-backup
    local line='30 2 * * * root /usr/local/sbin/ipmanager-manage backup --keep 14 >/dev/null'
    ! cmp --silent "$cron" - <<<"$line" || remove "$cron"
}

uninstall() {
    disable ipmanager-{service,worker,registry-agent,dnsmasq-conf}.service ipmanager-{reload,dnsmasq-conf,evict}.path \
        ipmanager-arp.{socket,service} ipmanager-backup.timer
    ! has_systemd || systemctl --quiet stop 'ipmanager-*'
    remove /etc/systemd/system/*.wants/ipmanager-* /etc/systemd/system/ipmanager-* \
        /etc/systemd/system/dnsmasq.service.d/ipmanager.conf /etc/sudoers.d/ipmanager \
        /usr/local/sbin/ipmanager-{manage,arp,dnsmasq-conf,evict,reload} "$home" \
        /etc/dnsmasq.d/ipmanager.conf /etc/dnsmasq.d/.ipmanager.conf.* \
        /etc/nginx/sites-enabled/ipmanager /etc/nginx/sites-available/ipmanager /etc/nginx/snippets/ipmanager-proxy.conf
    [ ! -d /etc/systemd/system/dnsmasq.service.d ] ||
        rmdir --ignore-fail-on-non-empty /etc/systemd/system/dnsmasq.service.d
    cmp --silent /etc/dnsmasq.d/00-global.conf "$source/deploy/dnsmasq/00-global.conf" && remove /etc/dnsmasq.d/00-global.conf
    [ ! -d /etc/dnsmasq.d ] || rmdir --ignore-fail-on-non-empty /etc/dnsmasq.d
    if [ -e "$etc/nginx-default" ]; then
        ln -sfn "$(cat "$etc/nginx-default")" /etc/nginx/sites-enabled/default
        rm "$etc/nginx-default"
    fi
    if [ -d "$etc" ] && [ -z "$purge" ]; then
        directory 711 ipmanager "$data"
        rm -rf "$data/etc"
        chmod 700 "$etc"
        mv --no-target-directory "$etc" "$data/etc"
        say "settings and certificate: $data/etc"
    fi
    [ -z "$purge" ] || purge_data
    has_systemd || return 0
    systemctl daemon-reload
    ! systemctl --quiet is-active dnsmasq || systemctl restart dnsmasq
    ! systemctl --quiet is-active nginx || systemctl reload nginx
}

purge_data() {
    if [[ $(setting DATABASE_URL) == *ipadmin@%2Fvar%2Frun%2Fpostgresql:* ]] && installed postgresql; then
        read -r pg_version cluster port _ < <(pg_lsclusters --no-header)
        start_postgresql
        sql "DROP DATABASE IF EXISTS ipmanager_db WITH (FORCE)"
        sql "DROP ROLE IF EXISTS ipadmin"
        sed --in-place '/# ipmanager$/d' "/etc/postgresql/$pg_version/$cluster/"pg_{hba,ident}.conf
    fi
    remove "$etc" "$data" /var/lib/ipmanager-agent
    local name
    for name in ipmanager ipmanager-agent; do
        ! getent passwd "$name" >/dev/null || userdel "$name"
    done
    say "the data, the database and the users are gone"
}

# --- options ----------------------------------------------------------------------------------------------------------

verb=install name= boot= database= reload= without= wheels= given_venv= purge= restore=
while [ $# -gt 0 ]; do
    case $1 in
    install | uninstall) verb=$1 ;;
    --purge) purge=1 ;;
    --name | --boot | --database | --reload | --restore | --without | --wheels | --venv)
        [ $# -gt 1 ] || fail "$1 needs a value"
        option=${1#--}
        [ "$option" != venv ] || option=given_venv
        printf -v "$option" %s "$2"
        if [[ $option =~ ^(restore|wheels)$ && $2 != /* ]]; then printf -v "$option" %s "$here/$2"; fi
        shift
        ;;
    -h | --help) usage ;;
    *) echo "install.sh: $1?" >&2 && usage 2 >&2 ;;
    esac
    shift
done
[[ $name =~ ^[A-Za-z0-9.-]*$ ]] || fail "--name: $name is not a host name"
[[ $boot =~ ^[A-Za-z0-9.-]*(:[0-9]+)?$ ]] || fail "--boot: $boot is not an address"
[[ $database =~ ^(|postgresql|sqlite|postgres://.*)$ ]] || fail "--database: postgresql, sqlite or postgres://..."
[[ $reload =~ ^(|generation|sudo|none)$ ]] || fail "--reload: generation, sudo or none"
[[ $without =~ ^(|nginx|dnsmasq|nginx,dnsmasq|dnsmasq,nginx)$ ]] || fail "--without: nginx, dnsmasq or both"
[ "$(id -u)" = 0 ] || fail "run it as root"
command -v apt-get dpkg-query >/dev/null || fail "this is for Debian 12 or 13; elsewhere: docs/install.md, containers"

if [ "$verb" = install ]; then install_all; else uninstall; fi
