-- The spans of recent traces, so that a call is billed once whatever the order in which the spans of its trace arrive.

create table ${schema}.otlp_spans (
    -- A hash of the scope and the trace id, because trace ids are unique per sender only.
    trace_key uuid not null,
    span_id bigint not null,
    parent_id bigint,
    is_call boolean not null,
    -- Whether a call lies below the span, on a path without a tool.
    has_call_below boolean not null,
    -- Equal for the spans of one trace that report one call.
    twin_key uuid,
    -- The usage that the span is billed by; null: it is not.
    usage_id uuid,
    received_at timestamptz not null,
    primary key (trace_key, span_id)
);

-- The children that matter when their parent arrives, and spans that may report the same call.
create index otlp_spans_with_calls on ${schema}.otlp_spans (trace_key, parent_id) where is_call or has_call_below;
create index otlp_spans_by_twin_key on ${schema}.otlp_spans (trace_key, twin_key) where twin_key is not null;
create index otlp_spans_by_age on ${schema}.otlp_spans (received_at);
