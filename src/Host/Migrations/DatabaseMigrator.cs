using System.Text.RegularExpressions;
using Dapper;
using EvolveDb;
using LlmRing.Host.Modules;
using LlmRing.Host.Postgres;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Migrations;

/// <summary>
/// Applies the pending migrations of the enabled modules, from their embedded <c>Migrations/*.sql</c>. Each module has its own
/// table of applied scripts; each script is one transaction.
/// </summary>
internal sealed partial class DatabaseMigrator(
    NpgsqlDataSource database, ModuleCatalog catalog, DatabaseSettings settings, ILogger<DatabaseMigrator> logger)
{
    /// <summary>Applies pending migrations. Hosts that start at once take turns.</summary>
    /// <exception cref="OperatorErrorException">
    /// A script failed, was changed after it was applied, or the schema is newer than this program.
    /// </exception>
    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        // One blocking lock around all modules: the lock of the migration library would be polled every three seconds.
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(
            new CommandDefinition(
                "select pg_advisory_lock(@lockKey)",
                new { lockKey = AdvisoryLocks.Migrations },
                commandTimeout: 0,
                cancellationToken: cancellationToken));
        try
        {
            foreach (var module in catalog.Modules)
                await MigrateAsync(module, connection, cancellationToken);
        }
        finally
        {
            await connection.ExecuteAsync("select pg_advisory_unlock(@lockKey)", new { lockKey = AdvisoryLocks.Migrations });
        }
    }

    /// <summary>The applied and pending migrations of the enabled modules.</summary>
    public async Task<IReadOnlyList<MigrationState>> GetStatusAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var states = new List<MigrationState>();
        foreach (var module in catalog.Modules)
        {
            var applied = await ReadAppliedAsync(module, connection, cancellationToken);
            states.AddRange((await MigrationScript.ReadAsync(module, cancellationToken)).Select(script =>
                new MigrationState(module.Name, script.Name, AppliedAt(script, applied))));
        }

        return states;
    }

    /// <summary>The adopted tables, and the reports of modules on their tables.</summary>
    public async Task<(
        IReadOnlyList<AdoptedTable> Tables,
        IReadOnlyList<(string Module, string Line)> Reports)> GetAdoptionAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var reports = new List<(string, string)>();
        foreach (var module in catalog.Modules)
        {
            if (module is IDatabaseReport report && await report.ReportAsync(connection, SchemaOf(module), cancellationToken) is { } line)
                reports.Add((module.Name, line));
        }

        var tables = await ExistsAsync(connection, AdoptedTables, cancellationToken)
            ? await connection.QueryAsync<AdoptedTable>(new CommandDefinition(
                $"select module, table_name as \"table\", rows, adopted_at from {AdoptedTables} order by module, table_name",
                cancellationToken: cancellationToken))
            : [];
        return (tables.AsList(), reports);
    }

    private async Task MigrateAsync(IModule module, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var scripts = await MigrationScript.ReadAsync(module, cancellationToken);
        if (scripts.Count == 0)
            return;

        var applied = await ReadAppliedAsync(module, connection, cancellationToken);
        if (applied.Keys.Except(scripts.SelectMany(script => script.Replaces.Append(script.Name))).FirstOrDefault() is { } unknown)
        {
            throw new OperatorErrorException(
                $"The database is newer than this program: module '{module.Name}' has migration {unknown}, "
                + "which this version does not know");
        }

        if (applied.Count == 0)
            await RecordAdoptionAsync(module, scripts[0], connection, cancellationToken);
        foreach (var script in scripts.Where(script => script.Replaces.Any(applied.ContainsKey)))
            await SquashAsync(module, script, applied, connection, cancellationToken);

        var schema = SchemaOf(module);
        await using var own = database.CreateConnection();
        var evolve = new Evolve(own, message => LogStep(module.Name, message))
        {
            EmbeddedResourceAssemblies = [module.Assembly],
            EmbeddedResourceFilters = [MigrationScript.ResourcePrefix(module)],
            Schemas = [schema],
            MetadataTableSchema = schema,
            MetadataTableName = TableOf(module),
            Placeholders = new Dictionary<string, string> { ["${schema}"] = schema },
            EnableClusterMode = false,
            IsEraseDisabled = true,
            CommandTimeout = 0,
        };
        try
        {
            // The library is synchronous.
            await Task.Run(evolve.Migrate, cancellationToken);
        }
        catch (EvolveException exception)
        {
            throw new OperatorErrorException(
                $"The schema of module '{module.Name}' cannot be brought up to date: "
                + (exception.InnerException ?? exception).Message.ReplaceLineEndings(" "),
                exception);
        }

        if (evolve.NbMigration > 0)
        {
            // Connections that a script left with changed session settings must not serve requests.
            database.Clear();
            LogMigrated(module.Name, evolve.NbMigration);
        }
    }

    private async Task<Dictionary<string, DateTimeOffset>> ReadAppliedAsync(
        IModule module, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var table = QualifiedTableOf(module);
        if (!await ExistsAsync(connection, table, cancellationToken))
            return [];

        // Type 0 is a versioned script and type 4 a run of a repeatable one; the library also records that it created the schema.
        var rows = await connection.QueryAsync<(string Name, DateTime At)>(new CommandDefinition(
            $"select name, max(installed_on)::timestamptz from {table} where type in (0, 4) and success group by name",
            cancellationToken: cancellationToken));
        return rows.ToDictionary(row => row.Name, row => new DateTimeOffset(row.At.ToUniversalTime()));
    }

    /// <summary>A replaced script counts as this one from the time at which the last of them was applied.</summary>
    private static DateTimeOffset? AppliedAt(MigrationScript script, Dictionary<string, DateTimeOffset> applied) =>
        applied.TryGetValue(script.Name, out var at) ? at
        : script.Replaces.Count > 0 && script.Replaces.All(applied.ContainsKey) ? script.Replaces.Max(name => applied[name])
        : null;

    /// <summary>Records a script in place of the applied ones that it replaces.</summary>
    /// <exception cref="OperatorErrorException">
    /// The database has only some of them, so it is in no state that the script stands for.
    /// </exception>
    private async Task SquashAsync(
        IModule module,
        MigrationScript script,
        Dictionary<string, DateTimeOffset> applied,
        NpgsqlConnection connection,
        CancellationToken cancellationToken)
    {
        if (script.Replaces.FirstOrDefault(name => !applied.ContainsKey(name)) is { } missing)
        {
            throw new OperatorErrorException(
                $"The database is too old for this program: module '{module.Name}' lacks migration {missing}; "
                + "start the version before this one once");
        }

        // The library's checksum of a script is the upper-case MD5 of its text.
        var table = QualifiedTableOf(module);
        await connection.ExecuteAsync(new CommandDefinition(
            $"""
            with kept as (
                update {table} set name = @name, version = split_part(substr(@name, 2), '__', 1), checksum = upper(md5(@text))
                where name = @last)
            delete from {table} where name = any(@others)
            """,
            new { name = script.Name, text = script.Text, last = script.Replaces[^1], others = script.Replaces.SkipLast(1).ToArray() },
            cancellationToken: cancellationToken));
        LogSquashed(module.Name, script.Name, string.Join(", ", script.Replaces));
    }

    /// <summary>Records which of the tables that a first script would create exist already, with their row counts.</summary>
    private async Task RecordAdoptionAsync(
        IModule module, MigrationScript script, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        foreach (Match made in CreateTable().Matches(script.Text))
        {
            var name = $"{SchemaOf(module)}.{made.Groups[1].Value}";
            if (!await ExistsAsync(connection, name, cancellationToken))
                continue;

            var rows = await connection.ExecuteScalarAsync<long>(
                new CommandDefinition($"select count(*) from {name}", commandTimeout: 0, cancellationToken: cancellationToken));
            await connection.ExecuteAsync(new CommandDefinition(
                $"""
                create schema if not exists "{settings.Schema}";
                create table if not exists {AdoptedTables} (
                    module text not null, table_name text primary key, rows bigint not null, adopted_at timestamptz not null default now());
                insert into {AdoptedTables} (module, table_name, rows) values (@module, @name, @rows)
                on conflict (table_name) do update set rows = excluded.rows, adopted_at = excluded.adopted_at
                """,
                new { module = module.Name, name, rows },
                cancellationToken: cancellationToken));
            LogAdopted(module.Name, name, rows);
        }
    }

    private static Task<bool> ExistsAsync(NpgsqlConnection connection, string table, CancellationToken cancellationToken) =>
        connection.ExecuteScalarAsync<bool>(
            new CommandDefinition("select to_regclass(@table) is not null", new { table }, cancellationToken: cancellationToken));

    private string AdoptedTables => $"\"{settings.Schema}\".adopted_tables";

    private string SchemaOf(IModule module) => module.Schema ?? settings.Schema;

    private static string TableOf(IModule module) => $"migrations_{module.Name.Replace('-', '_')}";

    // Identifiers cannot be parameters; both are constants of the module or validated settings.
    private string QualifiedTableOf(IModule module) => $"\"{SchemaOf(module)}\".\"{TableOf(module)}\"";

    [GeneratedRegex(@"create table if not exists \$\{schema\}\.(\w+)")]
    private static partial Regex CreateTable();

    [LoggerMessage(
        LogLevel.Information,
        "Migrations of {Module}: {Script} replaces {Replaced}, which this database has",
        EventName = "MigrationsSquashed")]
    private partial void LogSquashed(string module, string script, string replaced);

    [LoggerMessage(LogLevel.Information, "Module {Module} adopts table {Table} with its {Rows} rows", EventName = "TableAdopted")]
    private partial void LogAdopted(string module, string table, long rows);

    [LoggerMessage(LogLevel.Debug, "Migrations of {Module}: {Message}", EventName = "MigrationStepReported")]
    private partial void LogStep(string module, string message);

    [LoggerMessage(LogLevel.Information, "Migrations of {Module}: {Count} applied", EventName = "MigrationsApplied")]
    private partial void LogMigrated(string module, int count);
}
