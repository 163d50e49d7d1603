"""The tables of the ledger in SQLite. A change adds a step; a database remembers its step in `user_version`."""

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE ledger (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        started_at_ns INTEGER NOT NULL,
        stream_created_ns INTEGER,
        stream_sequence INTEGER
    ) STRICT;
    CREATE TABLE nodes (
        node_id INTEGER PRIMARY KEY,
        uid TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        instance_type TEXT NOT NULL,
        capacity_type TEXT NOT NULL
    ) STRICT;
    CREATE TABLE node_states (
        uid TEXT PRIMARY KEY,
        state BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE pods (
        pod_id INTEGER PRIMARY KEY,
        uid TEXT NOT NULL,
        usage_uid TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        node_id INTEGER NOT NULL,
        workload_kind TEXT NOT NULL,
        workload TEXT NOT NULL,
        start_ns INTEGER NOT NULL,
        end_ns INTEGER,
        vcpu_request REAL NOT NULL,
        memory_gib_request REAL NOT NULL,
        gpus REAL NOT NULL
    ) STRICT;
    CREATE INDEX open_pods ON pods (pod_id) WHERE end_ns IS NULL;
    CREATE TABLE pod_hours (
        hour INTEGER NOT NULL,
        pod_id INTEGER NOT NULL,
        cpu_nano INTEGER NOT NULL,
        memory_nano INTEGER NOT NULL,
        gpu_nano INTEGER NOT NULL,
        savings_nano INTEGER NOT NULL,
        seconds REAL NOT NULL,
        estimated_seconds REAL NOT NULL,
        PRIMARY KEY (hour, pod_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE node_hours (
        hour INTEGER NOT NULL,
        node_id INTEGER NOT NULL,
        paid_nano INTEGER NOT NULL,
        saved_nano INTEGER NOT NULL,
        system_cpu_nano INTEGER NOT NULL,
        system_memory_nano INTEGER NOT NULL,
        system_gpu_nano INTEGER NOT NULL,
        idle_cpu_nano INTEGER NOT NULL,
        idle_memory_nano INTEGER NOT NULL,
        idle_gpu_nano INTEGER NOT NULL,
        seconds REAL NOT NULL,
        estimated_seconds REAL NOT NULL,
        PRIMARY KEY (hour, node_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE namespace_hours (
        hour INTEGER NOT NULL,
        namespace TEXT NOT NULL,
        cpu_nano INTEGER NOT NULL,
        memory_nano INTEGER NOT NULL,
        gpu_nano INTEGER NOT NULL,
        savings_nano INTEGER NOT NULL,
        PRIMARY KEY (hour, namespace)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE namespace_totals (
        namespace TEXT PRIMARY KEY,
        cpu_nano INTEGER NOT NULL,
        memory_nano INTEGER NOT NULL,
        gpu_nano INTEGER NOT NULL,
        savings_nano INTEGER NOT NULL,
        counter_nano INTEGER NOT NULL,
        savings_counter_nano INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE counters (
        name TEXT PRIMARY KEY,
        value ANY NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    "ALTER TABLE ledger ADD COLUMN stream_stored_at_ns INTEGER",
    """
    ALTER TABLE pods ADD COLUMN claims TEXT NOT NULL DEFAULT '';
    ALTER TABLE pod_hours ADD COLUMN network_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE node_hours ADD COLUMN network_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_hours ADD COLUMN storage_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_hours ADD COLUMN network_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_hours ADD COLUMN load_balancer_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_hours ADD COLUMN control_plane_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_hours ADD COLUMN shared_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN storage_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN network_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN load_balancer_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN control_plane_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN shared_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN cpu_counter_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN memory_counter_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN gpu_counter_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN storage_counter_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN network_counter_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN load_balancer_counter_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN control_plane_counter_nano INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE namespace_totals ADD COLUMN shared_counter_nano INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE objects (
        object_id INTEGER PRIMARY KEY,
        uid TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        storage_class TEXT NOT NULL
    ) STRICT;
    CREATE TABLE object_states (
        uid TEXT PRIMARY KEY,
        state BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE object_hours (
        hour INTEGER NOT NULL,
        object_id INTEGER NOT NULL,
        namespace TEXT NOT NULL,
        claim TEXT NOT NULL,
        paid_nano INTEGER NOT NULL,
        pods_nano INTEGER NOT NULL,
        seconds REAL NOT NULL,
        estimated_seconds REAL NOT NULL,
        PRIMARY KEY (hour, object_id, namespace, claim)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE pod_volume_hours (
        hour INTEGER NOT NULL,
        pod_id INTEGER NOT NULL,
        object_id INTEGER NOT NULL,
        storage_nano INTEGER NOT NULL,
        PRIMARY KEY (hour, pod_id, object_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE namespace_traffic (
        namespace TEXT PRIMARY KEY,
        transmit_bytes INTEGER NOT NULL,
        receive_bytes INTEGER NOT NULL,
        read_bytes INTEGER NOT NULL,
        write_bytes INTEGER NOT NULL,
        operations INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    "ALTER TABLE pods ADD COLUMN labels TEXT NOT NULL DEFAULT ''",
    """
    ALTER TABLE nodes ADD COLUMN node_pool TEXT NOT NULL DEFAULT '';
    ALTER TABLE ledger ADD COLUMN cluster_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE ledger ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN days_through INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN pod_hours_from INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE ledger ADD COLUMN namespace_hours_from INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX pods_by_end ON pods (end_ns);
    CREATE TABLE pod_days (
        day INTEGER NOT NULL,
        pod_id INTEGER NOT NULL,
        cpu_nano INTEGER NOT NULL,
        memory_nano INTEGER NOT NULL,
        gpu_nano INTEGER NOT NULL,
        savings_nano INTEGER NOT NULL,
        storage_nano INTEGER NOT NULL,
        network_nano INTEGER NOT NULL,
        seconds REAL NOT NULL,
        estimated_seconds REAL NOT NULL,
        PRIMARY KEY (day, pod_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE namespace_days (
        day INTEGER NOT NULL,
        namespace TEXT NOT NULL,
        cpu_nano INTEGER NOT NULL,
        memory_nano INTEGER NOT NULL,
        gpu_nano INTEGER NOT NULL,
        savings_nano INTEGER NOT NULL,
        storage_nano INTEGER NOT NULL,
        network_nano INTEGER NOT NULL,
        load_balancer_nano INTEGER NOT NULL,
        control_plane_nano INTEGER NOT NULL,
        shared_nano INTEGER NOT NULL,
        PRIMARY KEY (day, namespace)
    ) STRICT, WITHOUT ROWID;
    CREATE VIEW pod_costs AS
        SELECT datetime(h.hour, 'unixepoch') AS timestamp, l.cluster_id, p.namespace, p.name AS pod_name,
               n.name AS node_name, n.instance_type, CAST(round(p.vcpu_request * 1000) AS INTEGER) AS cpu_millicores,
               CAST(round(p.memory_gib_request * 1073741824) AS INTEGER) AS memory_bytes,
               (h.cpu_nano + h.memory_nano + h.gpu_nano + h.network_nano + coalesce((
                   SELECT sum(v.storage_nano) FROM pod_volume_hours v WHERE v.hour = h.hour AND v.pod_id = h.pod_id
               ), 0)) / 1e9 AS hourly_cost_usd
        FROM pod_hours h JOIN pods p USING (pod_id) JOIN nodes n USING (node_id) CROSS JOIN ledger l;
    CREATE VIEW daily_namespace_costs AS
        SELECT date(d.day, 'unixepoch') AS day, l.cluster_id, d.namespace,
               sum(d.cpu_nano + d.memory_nano + d.gpu_nano + d.storage_nano + d.network_nano + d.load_balancer_nano
                   + d.control_plane_nano + d.shared_nano) / 1e9 AS daily_cost_usd
        FROM (SELECT * FROM namespace_days WHERE day < (SELECT days_through FROM ledger)
              UNION ALL
              SELECT hour / 86400 * 86400, namespace, cpu_nano, memory_nano, gpu_nano, savings_nano, storage_nano,
                     network_nano, load_balancer_nano, control_plane_nano, shared_nano
              FROM namespace_hours WHERE hour >= (SELECT days_through FROM ledger)) d CROSS JOIN ledger l
        GROUP BY d.day, l.cluster_id, d.namespace;
    """,
    """
    CREATE TABLE price_changes (
        price_key TEXT NOT NULL,
        since_ns INTEGER NOT NULL,
        provider TEXT NOT NULL,
        region TEXT NOT NULL,
        zone TEXT NOT NULL,
        kind TEXT NOT NULL,
        sku TEXT NOT NULL,
        os TEXT NOT NULL,
        capacity_type TEXT NOT NULL,
        usd REAL NOT NULL,
        list_usd REAL NOT NULL,
        unit TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (price_key, since_ns)
    ) STRICT, WITHOUT ROWID;
    """,
)
