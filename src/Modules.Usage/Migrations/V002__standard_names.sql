-- Columns and functions get the standard names of the field: granularity, bucket_start, dimension_key, backfill.

alter table ${schema}.usage_rollups alter column is_day type varchar(4) using case when is_day then 'day' else 'hour' end;
alter table ${schema}.usage_rollups rename column is_day to granularity;
alter table ${schema}.usage_rollups rename column hour to bucket_start;
alter table ${schema}.usage_rollups rename column series to dimension_key;
alter table ${schema}.usage_rollups add constraint usage_rollups_granularity check (granularity in ('hour', 'day'));
comment on column ${schema}.usage_rollups.bucket_start is 'the begin of the hour or of the UTC day';

alter table ${schema}.usage_backfill rename column resting_until to retry_at;
alter table ${schema}.usage_backfill rename column is_filled to is_project_backfilled;

-- Triggers refer to their functions by oid, so they go on with the new names.
alter function ${schema}.usage_count_row() rename to usage_rollup_reference_row;
alter function ${schema}.usage_fill_project() rename to usage_backfill_project;
do $$
begin
    if to_regclass('${schema}.usage_logs_adopted') is not null then
        alter trigger usage_count_row on ${schema}.usage_logs rename to usage_rollup_reference_row;
        alter trigger usage_fill_project on ${schema}.usage_logs rename to usage_backfill_project;
    end if;
end
$$;

-- R__usage_functions.sql creates their successors.
drop function if exists ${schema}.usage_fill_projects();
drop function if exists ${schema}.usage_count_adopted(text, text, uuid, boolean, timestamptz, timestamptz);
