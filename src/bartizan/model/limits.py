"""Every bound in one place. Hitting one is recorded in the coverage of what was looked at; none is silent."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Named bounds, units last. The defaults suit a laptop with hostile servers on it."""

    # Reading files
    file_bytes_max: int = 8 * 1024 * 1024
    document_bytes_max: int = 1024 * 1024
    document_characters_max: int = 1024 * 1024
    documents_characters_max: int = 32 * 1024 * 1024
    directory_entries_max: int = 5_000
    search_depth_max: int = 6
    yaml_nodes_max: int = 200_000
    config_servers_max: int = 2_000
    config_files_max: int = 20_000
    config_bytes_max: int = 256 * 1024 * 1024
    config_words_max: int = 2_000
    config_strings_max: int = 200_000
    projects_max: int = 1_000
    package_copies_max: int = 64
    package_scripts_max: int = 32
    reference_bytes_max: int = 256 * 1024 * 1024
    reference_files_max: int = 500_000

    # Searching logs and crash dumps for secrets
    logs_max: int = 500
    log_bytes_max: int = 16 * 1024 * 1024
    log_end_bytes_max: int = 1024 * 1024
    logs_bytes_max: int = 64 * 1024 * 1024
    logs_seconds_max: float = 20.0
    log_secrets_max: int = 100

    # Reading messages
    message_bytes_max: int = 16 * 1024 * 1024
    json_depth_max: int = 64
    json_values_max: int = 2_000_000
    json_integer_digits_max: int = 400
    header_bytes_max: int = 32 * 1024
    headers_max: int = 100
    sse_event_bytes_max: int = 16 * 1024 * 1024
    stderr_bytes_max: int = 64 * 1024

    # Judging lines given to `bartizan check`
    check_compared_max: int = 50_000
    check_compared_bytes_max: int = 64 * 1024 * 1024

    # One probe of one server
    probe_seconds_max: float = 60.0
    request_seconds_max: float = 20.0
    start_seconds_max: float = 45.0
    stop_seconds_max: float = 3.0
    messages_max: int = 5_000
    probe_bytes_max: int = 64 * 1024 * 1024
    pages_max: int = 200
    definitions_max: int = 20_000
    discover_seconds_max: float = 10.0
    unreadable_seconds_max: float = 2.0
    faults_max: int = 20
    redirects_max: int = 3
    metadata_bytes_max: int = 256 * 1024
    metadata_documents_max: int = 8
    metadata_seconds_max: float = 10.0
    probes_parallel_max: int = 16

    # Looking at a network
    addresses_max: int = 4_096
    connects_parallel_max: int = 64
    connects_per_second_max: float = 100.0
    connect_seconds_max: float = 3.0
    endpoint_request_seconds_max: float = 5.0
    endpoint_answer_bytes_max: int = 1024 * 1024
    endpoint_paths_max: int = 24
    endpoint_faults_max: int = 3

    # Fetching a package into the sandbox
    fetch_seconds_max: float = 300.0
    fetch_bytes_max: int = 1024 * 1024 * 1024
    fetch_files_max: int = 200_000
    fetches_parallel_max: int = 4
    fetch_left_seconds_max: float = 24 * 3600.0
    index_bytes_max: int = 64 * 1024 * 1024
    index_seconds_max: float = 30.0
    proxy_connections_max: int = 64

    # One server in the sandbox; memory and processor time are per process, processes per sandbox
    sandbox_memory_bytes_max: int = 2 * 1024 * 1024 * 1024
    sandbox_memory_folder_bytes_max: int = 64 * 1024 * 1024
    sandbox_file_bytes_max: int = 64 * 1024 * 1024
    sandbox_processes_max: int = 128
    sandbox_descriptors_max: int = 1_024
    sandbox_cpu_seconds_max: int = 120
    sandbox_folders_max: int = 16

    # Processes of this machine
    processes_max: int = 20_000
    process_descriptors_max: int = 4_096
    command_line_bytes_max: int = 128 * 1024
    environment_bytes_max: int = 256 * 1024
    descriptors_max: int = 400_000
    script_bytes_max: int = 64 * 1024
    socket_table_bytes_max: int = 32 * 1024 * 1024
    socket_table_entries_max: int = 500_000
    socket_table_seconds_max: float = 2.0
    process_ancestors_max: int = 16
    network_namespaces_max: int = 256

    # The gateway's listener
    connections_max: int = 4_096
    requests_held_bytes_max: int = 256 * 1024 * 1024
    tls_handshake_seconds_max: float = 10.0
    request_head_seconds_max: float = 10.0
    request_body_seconds_max: float = 60.0
    keep_alive_seconds_max: float = 75.0
    write_stall_seconds_max: float = 60.0
    linger_seconds_max: float = 2.0
    refusals_recorded_max: int = 20

    # Certificates
    certificate_days: int = 30
    certificate_days_max: int = 90
    authority_days: int = 730

    # The gateway's way to one server over HTTP
    upstream_connections_max: int = 256
    upstream_head_seconds_max: float = 300.0
    upstream_seconds_max: float = 3600.0
    upstream_idle_seconds_max: float = 4.0

    # The gateway's child processes
    children_max: int = 64
    children_of_owner_max: int = 48
    child_back_off_seconds_max: float = 64.0

    # Conversations of the gateway with servers over a channel: a child process, or HTTP+SSE
    conversations_of_principal_max: int = 32
    conversation_idle_seconds_max: float = 900.0
    conversation_left_seconds_max: float = 60.0
    conversation_held_bytes_max: int = 32 * 1024 * 1024
    conversation_held_messages_max: int = 1_000
    server_requests_max: int = 64
    answer_whole_seconds_max: float = 1.0
    era_seconds_max: float = 300.0

    # The store
    scans_kept_max: int = 100

    # The bus
    bus_event_bytes_max: int = 256 * 1024
    bus_events_max: int = 2_000_000
    bus_days_max: int = 90
    bus_read_events_max: int = 1_000
    bus_signed_events: int = 1_000
    bus_signed_seconds_max: float = 60.0
    bus_lost_events_max: int = 1_000
    bus_lost_seconds_max: float = 0.1
    bus_wait_seconds_max: float = 5.0

    # Between a stdio client and the gateway
    bridge_requests_max: int = 64
    bridge_seconds_max: float = 3600.0

    # Differences from what was approved, of one server; the worst are kept
    drifts_max: int = 1_000
    drift_changes_max: int = 20
    drift_text_characters_max: int = 300
    # Suppressions
    suppression_days_max: int = 366
    suppressions_max: int = 10_000
    suppression_text_characters_max: int = 1_000

    # Questions to the map of assets
    map_nodes_max: int = 50_000
    map_paths_max: int = 200
    map_cuts_max: int = 10
    map_cut_controls_max: int = 8

    # Flows
    flow_candidates_max: int = 12
    flow_cut_tools_max: int = 5

    # Policy
    policy_files_max: int = 100
    policy_entries_max: int = 10_000
    policy_condition_characters_max: int = 2_000
    policy_statement_characters_max: int = 64 * 1024
    condition_values_max: int = 10_000

    # Calls of a client
    call_bytes_max: int = 4 * 1024 * 1024
    call_target_characters_max: int = 2_048
    calls_at_once_max: int = 1_024
    meter_keys_max: int = 50_000
    counters_parallel_max: int = 4
    counters_owed_max: int = 10_000
    same_calls_max: int = 100
    same_calls_seconds: float = 60.0

    # Tokens
    token_bytes_max: int = 16 * 1024
    verified_tokens_max: int = 10_000
    verified_seconds_max: float = 300.0
    token_leeway_seconds: float = 30.0
    signing_keys_max: int = 100
    signing_keys_seconds_max: float = 3_600.0
    signing_keys_refresh_seconds_min: float = 10.0
    introspection_bytes_max: int = 64 * 1024
    introspections_parallel_max: int = 16

    # The gateway
    batch_messages_max: int = 64
    needs_max: int = 8
    heard_decisions_max: int = 32
    judged_definitions_max: int = 20_000
    tickets_waiting_max: int = 1_000
    ticket_days_max: int = 30
    confirm_seconds_max: float = 120.0
    confirm_poll_seconds: float = 0.2
    restrictions_poll_seconds: float = 0.5
    code_failures_max: int = 5
    code_lock_seconds: float = 300.0
    need_seconds_max: float = 5.0
    answer_seconds_max: float = 300.0
    drain_seconds_max: float = 10.0
    reload_seconds: float = 2.0
    reach_seconds_max: float = 20.0
    reach_again_seconds: float = 5.0
    mirrored_lists_max: int = 2_000
    mirrored_tools_max: int = 1_000
    stream_seconds_max: float = 3_600.0
    stream_comment_seconds: float = 15.0
    sse_sessions_max: int = 1_024
    sse_messages_max: int = 64
    sse_seconds_max: float = 86_400.0
    combined_parallel_max: int = 32
    combined_seconds_max: float = 15.0
    combined_cursor_bytes_max: int = 16 * 1024
    combined_session_bytes_max: int = 8 * 1024
    combined_instructions_characters_max: int = 32 * 1024
    combined_sessions_max: int = 10_000
    combined_era_seconds_max: float = 300.0
    combined_waiting_events_max: int = 64

    # Detection
    raw_record_bytes_max: int = 4 * 1024 * 1024
    raw_record_depth_max: int = 64
    raw_document_bytes_max: int = 32 * 1024 * 1024
    raw_judged_characters_max: int = 16_384
    unparsed_shown_max: int = 100
    audit_groups_max: int = 1_000
    audit_group_seconds_max: float = 2.0
    audit_group_lines_between_max: int = 8
    pairs_waiting_max: int = 100_000
    pair_seconds_max: float = 300.0
    occurrence_events_max: int = 100

    # Rules on events
    rule_file_bytes_max: int = 1024 * 1024
    sample_events_max: int = 10_000
    rule_files_max: int = 50_000
    rules_max: int = 20_000
    rule_depth_max: int = 40
    rule_tests_max: int = 20_000
    rule_condition_characters_max: int = 4_096
    rule_condition_depth_max: int = 16
    rule_window_seconds_max: int = 366 * 86_400
    correlation_rules_max: int = 200
    correlation_depth_max: int = 16
    field_name_characters_max: int = 256
    field_reference_values_max: int = 1_000
    match_groups_max: int = 4_096

    # State of the detection engine
    state_entries_max: int = 2_000_000  # matches in windows, over all rules
    window_entries_max: int = 100_000  # matches in the window of one group of one rule
    group_value_characters_max: int = 512
    event_groups_max: int = 64  # groups of one rule that one event counts in
    duplicates_max: int = 500_000  # ids of events that are remembered
    duplicate_seconds_max: int = 86_400
    first_seen_values_max: int = 1_000_000
    first_seen_key_values_max: int = 20_000
    baseline_keys_max: int = 100_000
    baseline_buckets_max: int = 1_024
    sources_max: int = 10_000
    snapshot_bytes_max: int = 1024 * 1024 * 1024

    # What a person is shown
    shown_characters_max: int = 2_000
    shown_name_characters_max: int = 160
    report_rows_max: int = 200


DEFAULT = Limits()
