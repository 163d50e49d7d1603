"""The tables of the ledger in PostgreSQL. A change adds a step; a database remembers its step in `kube_cost_schema`.

Several clusters share them: the first column of every key is the cluster's number. Hours are `timestamptz`, so that
Grafana can ask for them.
"""

import asyncpg

from kube_cost_aggregator.history.store import StoreError

MIGRATION_LOCK = 0x6B75_6265_636F_7374
"""The advisory lock that who makes the tables takes: "kubecost" in ASCII."""

HYPERTABLES = {"pod_hours": "1 day", "node_hours": "7 days", "namespace_hours": "7 days"}
"""What TimescaleDB cuts into chunks of so long, where a database has it: 100,000 pods have 2.4 million rows a day."""

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE clusters (
        cluster integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE
    );
    CREATE TABLE ledger (
        cluster integer PRIMARY KEY,
        epoch bigint NOT NULL,
        batch bigint NOT NULL,
        started_at_ns bigint,
        stream_created_ns bigint,
        stream_sequence bigint,
        stream_stored_at_ns bigint,
        days_through bigint NOT NULL DEFAULT 0,
        pod_hours_from bigint NOT NULL DEFAULT 0,
        namespace_hours_from bigint NOT NULL DEFAULT 0
    );
    CREATE TABLE nodes (
        cluster integer NOT NULL,
        node_id bigint NOT NULL,
        uid text NOT NULL,
        name text NOT NULL,
        instance_type text NOT NULL,
        capacity_type text NOT NULL,
        node_pool text NOT NULL,
        PRIMARY KEY (cluster, node_id),
        UNIQUE (cluster, uid)
    );
    CREATE TABLE node_states (
        cluster integer NOT NULL,
        uid text NOT NULL,
        state bytea NOT NULL,
        PRIMARY KEY (cluster, uid)
    );
    CREATE TABLE pods (
        cluster integer NOT NULL,
        pod_id bigint NOT NULL,
        uid text NOT NULL,
        usage_uid text NOT NULL,
        namespace text NOT NULL,
        name text NOT NULL,
        node_id bigint NOT NULL,
        workload_kind text NOT NULL,
        workload text NOT NULL,
        start_ns bigint NOT NULL,
        end_ns bigint,
        vcpu_request double precision NOT NULL,
        memory_gib_request double precision NOT NULL,
        gpus double precision NOT NULL,
        claims text NOT NULL,
        labels text NOT NULL,
        PRIMARY KEY (cluster, pod_id)
    );
    CREATE INDEX open_pods ON pods (cluster, pod_id) WHERE end_ns IS NULL;
    CREATE INDEX pods_by_end ON pods (cluster, end_ns);
    CREATE TABLE pod_hours (
        cluster integer NOT NULL,
        hour timestamptz NOT NULL,
        pod_id bigint NOT NULL,
        cpu_nano bigint NOT NULL,
        memory_nano bigint NOT NULL,
        gpu_nano bigint NOT NULL,
        savings_nano bigint NOT NULL,
        network_nano bigint NOT NULL,
        seconds double precision NOT NULL,
        estimated_seconds double precision NOT NULL,
        PRIMARY KEY (cluster, hour, pod_id)
    ) WITH (fillfactor = 50);  -- every row of an hour is written anew each minute: there is room for it on its page
    CREATE TABLE node_hours (
        cluster integer NOT NULL,
        hour timestamptz NOT NULL,
        node_id bigint NOT NULL,
        paid_nano bigint NOT NULL,
        saved_nano bigint NOT NULL,
        system_cpu_nano bigint NOT NULL,
        system_memory_nano bigint NOT NULL,
        system_gpu_nano bigint NOT NULL,
        idle_cpu_nano bigint NOT NULL,
        idle_memory_nano bigint NOT NULL,
        idle_gpu_nano bigint NOT NULL,
        network_nano bigint NOT NULL,
        seconds double precision NOT NULL,
        estimated_seconds double precision NOT NULL,
        PRIMARY KEY (cluster, hour, node_id)
    ) WITH (fillfactor = 50);
    CREATE TABLE namespace_hours (
        cluster integer NOT NULL,
        hour timestamptz NOT NULL,
        namespace text NOT NULL,
        cpu_nano bigint NOT NULL,
        memory_nano bigint NOT NULL,
        gpu_nano bigint NOT NULL,
        savings_nano bigint NOT NULL,
        storage_nano bigint NOT NULL,
        network_nano bigint NOT NULL,
        load_balancer_nano bigint NOT NULL,
        control_plane_nano bigint NOT NULL,
        shared_nano bigint NOT NULL,
        PRIMARY KEY (cluster, hour, namespace)
    ) WITH (fillfactor = 50);
    CREATE TABLE namespace_totals (
        cluster integer NOT NULL,
        namespace text NOT NULL,
        cpu_nano bigint NOT NULL,
        memory_nano bigint NOT NULL,
        gpu_nano bigint NOT NULL,
        savings_nano bigint NOT NULL,
        storage_nano bigint NOT NULL,
        network_nano bigint NOT NULL,
        load_balancer_nano bigint NOT NULL,
        control_plane_nano bigint NOT NULL,
        shared_nano bigint NOT NULL,
        cpu_counter_nano bigint NOT NULL,
        memory_counter_nano bigint NOT NULL,
        gpu_counter_nano bigint NOT NULL,
        storage_counter_nano bigint NOT NULL,
        network_counter_nano bigint NOT NULL,
        load_balancer_counter_nano bigint NOT NULL,
        control_plane_counter_nano bigint NOT NULL,
        shared_counter_nano bigint NOT NULL,
        counter_nano bigint NOT NULL,
        savings_counter_nano bigint NOT NULL,
        PRIMARY KEY (cluster, namespace)
    );
    CREATE TABLE namespace_traffic (
        cluster integer NOT NULL,
        namespace text NOT NULL,
        transmit_bytes bigint NOT NULL,
        receive_bytes bigint NOT NULL,
        read_bytes bigint NOT NULL,
        write_bytes bigint NOT NULL,
        operations bigint NOT NULL,
        PRIMARY KEY (cluster, namespace)
    );
    CREATE TABLE counters (
        cluster integer NOT NULL,
        name text NOT NULL,
        whole bigint,  -- nano-USD, which a double would round
        fraction double precision,
        PRIMARY KEY (cluster, name),
        CHECK (num_nonnulls(whole, fraction) = 1)
    );
    CREATE TABLE objects (
        cluster integer NOT NULL,
        object_id bigint NOT NULL,
        uid text NOT NULL,
        kind text NOT NULL,
        namespace text NOT NULL,
        name text NOT NULL,
        storage_class text NOT NULL,
        PRIMARY KEY (cluster, object_id),
        UNIQUE (cluster, uid)
    );
    CREATE TABLE object_states (
        cluster integer NOT NULL,
        uid text NOT NULL,
        state bytea NOT NULL,
        PRIMARY KEY (cluster, uid)
    );
    CREATE TABLE object_hours (
        cluster integer NOT NULL,
        hour timestamptz NOT NULL,
        object_id bigint NOT NULL,
        namespace text NOT NULL,
        claim text NOT NULL,
        paid_nano bigint NOT NULL,
        pods_nano bigint NOT NULL,
        seconds double precision NOT NULL,
        estimated_seconds double precision NOT NULL,
        PRIMARY KEY (cluster, hour, object_id, namespace, claim)
    );
    CREATE TABLE pod_volume_hours (
        cluster integer NOT NULL,
        hour timestamptz NOT NULL,
        pod_id bigint NOT NULL,
        object_id bigint NOT NULL,
        storage_nano bigint NOT NULL,
        PRIMARY KEY (cluster, hour, pod_id, object_id)
    );
    CREATE TABLE pod_days (
        cluster integer NOT NULL,
        day timestamptz NOT NULL,
        pod_id bigint NOT NULL,
        cpu_nano bigint NOT NULL,
        memory_nano bigint NOT NULL,
        gpu_nano bigint NOT NULL,
        savings_nano bigint NOT NULL,
        storage_nano bigint NOT NULL,
        network_nano bigint NOT NULL,
        seconds double precision NOT NULL,
        estimated_seconds double precision NOT NULL,
        PRIMARY KEY (cluster, day, pod_id)
    );
    CREATE TABLE namespace_days (
        cluster integer NOT NULL,
        day timestamptz NOT NULL,
        namespace text NOT NULL,
        cpu_nano bigint NOT NULL,
        memory_nano bigint NOT NULL,
        gpu_nano bigint NOT NULL,
        savings_nano bigint NOT NULL,
        storage_nano bigint NOT NULL,
        network_nano bigint NOT NULL,
        load_balancer_nano bigint NOT NULL,
        control_plane_nano bigint NOT NULL,
        shared_nano bigint NOT NULL,
        PRIMARY KEY (cluster, day, namespace)
    );
    ALTER TABLE node_states ALTER COLUMN state SET STORAGE EXTERNAL;  -- numbers, which don't get smaller
    ALTER TABLE object_states ALTER COLUMN state SET STORAGE EXTERNAL;
    """,
    """
    CREATE VIEW pod_costs AS
    SELECT costs.hour AS timestamp, clusters.name AS cluster_id, pods.namespace, pods.name AS pod_name,
           nodes.name AS node_name, nodes.instance_type,
           round(pods.vcpu_request * 1000)::integer AS cpu_millicores,
           round(pods.memory_gib_request * 1073741824)::bigint AS memory_bytes,
           costs.nano / 1e9 AS hourly_cost_usd
    FROM (
        SELECT cluster, hour, pod_id, sum(nano) AS nano
        FROM (
            SELECT cluster, hour, pod_id, cpu_nano + memory_nano + gpu_nano + network_nano AS nano FROM pod_hours
            UNION ALL
            SELECT cluster, hour, pod_id, storage_nano FROM pod_volume_hours
        ) AS parts
        GROUP BY cluster, hour, pod_id
    ) AS costs
    JOIN pods USING (cluster, pod_id)
    JOIN nodes USING (cluster, node_id)
    JOIN clusters USING (cluster);
    CREATE VIEW daily_namespace_costs AS
    SELECT day, clusters.name AS cluster_id, namespace, sum(nano) / 1e9 AS daily_cost_usd
    FROM (
        SELECT cluster, day, namespace,
               cpu_nano + memory_nano + gpu_nano + storage_nano + network_nano + load_balancer_nano
               + control_plane_nano + shared_nano AS nano
        FROM namespace_days JOIN ledger USING (cluster) WHERE day < to_timestamp(days_through)
        UNION ALL
        SELECT cluster, date_trunc('day', hour, 'UTC'), namespace,
               cpu_nano + memory_nano + gpu_nano + storage_nano + network_nano + load_balancer_nano
               + control_plane_nano + shared_nano
        FROM namespace_hours JOIN ledger USING (cluster) WHERE hour >= to_timestamp(days_through)
    ) AS parts
    JOIN clusters USING (cluster)
    GROUP BY day, clusters.name, namespace;
    """,
    """
    CREATE TABLE price_changes (
        cluster integer NOT NULL,
        price_key text NOT NULL,
        since_ns bigint NOT NULL,
        provider text NOT NULL,
        region text NOT NULL,
        zone text NOT NULL,
        kind text NOT NULL,
        sku text NOT NULL,
        os text NOT NULL,
        capacity_type text NOT NULL,
        usd double precision NOT NULL,
        list_usd double precision NOT NULL,
        unit text NOT NULL,
        source text NOT NULL,
        PRIMARY KEY (cluster, price_key, since_ns)
    );
    """,
)


async def migrate(db: asyncpg.Connection, where: str) -> None:
    """Make the tables or bring them to this version, in a transaction of the caller's; `where` names the database.

    Two that do so at once take turns. Raises StoreError where they are of a newer version.
    """
    await db.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
    if await db.fetchval("SELECT to_regclass('kube_cost_schema')") is None:  # who may not make tables may use them
        await db.execute("CREATE TABLE kube_cost_schema (step integer NOT NULL)")
        await db.execute("INSERT INTO kube_cost_schema VALUES (0)")
    done = await db.fetchval("SELECT step FROM kube_cost_schema")
    if done > len(STEPS):
        raise StoreError(f"the ledger in {where} is of a newer version ({done}; this program knows {len(STEPS)})")
    for number, step in enumerate(STEPS[done:], start=done + 1):
        await db.execute(step)
        await db.execute("UPDATE kube_cost_schema SET step = $1", number)
    if done < len(STEPS):
        await _cut_into_chunks(db)


async def _cut_into_chunks(db: asyncpg.Connection) -> None:
    """Make hypertables of what is still empty, where TimescaleDB is there. Its Apache edition does that too."""
    schema = await db.fetchval(
        """SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace space ON space.oid = extnamespace
           WHERE extname = 'timescaledb'"""
    )
    if schema is None:
        return
    for table, chunk in HYPERTABLES.items():
        # Rows would be moved under a lock that keeps everybody out: that is for a person to choose.
        if not await db.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):  # noqa: S608 - our own name
            await db.execute(
                f"""SELECT {schema}.create_hypertable('{table}', 'hour', chunk_time_interval => INTERVAL '{chunk}',
                    create_default_indexes => FALSE, if_not_exists => TRUE)"""
            )
