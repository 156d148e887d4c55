using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using LlmRing.Host.Authentication.Keys;
using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Commands;

/// <summary><c>llmring-server keys create|list|rotate|revoke</c>: the keys of strict mode.</summary>
internal static partial class KeysCommand
{
    private const string AcceptedTimes = "accepted: a time such as 90d, 24h or 30m, or a date such as 2027-01-31";

    public static Command Create() =>
        new("keys", "Makes, lists, replaces and revokes API keys, which LLMRING_API_KEY_VALIDATION_MODE=strict asks for.")
    {
        CreateKey(),
        ListKeys(),
        RotateKey(),
        RevokeKey(),
    };

    private static Command CreateKey()
    {
        var environment = CommonOptions.Environment();
        var project =
            new Option<string>("--project")
            {
                Description = "Name of the project, which is created when it does not exist; or its id.",
                Required = true,
            };
        var expires =
            new Option<string?>("--expires")
            {
                Description = "When the key expires: after a time (90d, 24h) or on a date (2027-01-31, UTC). Without it: never.",
            };
        var command = new Command(
            "create", "Makes a key. It alone is written to the standard output, this once.") { project, expires, environment };
        command.SetAction((result, cancellationToken) => RunAsync(result.GetValue(environment), async keys =>
        {
            var now = TimeProvider.System.GetUtcNow();
            var expiresAt = result.GetValue(expires) is { } text ? ParseEnd(text, now) : (DateTimeOffset?)null;
            var key = ApiKey.New();
            await keys.CreateTablesAsync(cancellationToken);
            var (id, projectId) = await keys.CreateAsync(result.GetRequiredValue(project), key, expiresAt, cancellationToken);
            Show(key, id, projectId, expiresAt);
        }, cancellationToken));
        return command;
    }

    private static Command ListKeys()
    {
        var environment = CommonOptions.Environment();
        var command = new Command(
            "list", "Lists all keys: id, project, state, and when they were made, end and were last used.") { environment };
        command.SetAction((result, cancellationToken) => RunAsync(result.GetValue(environment), async keys =>
        {
            Terminal.WriteLine($"{"ID",-38}{"PROJECT",-38}{"STATE",-9}{"CREATED",-18}{"EXPIRES",-18}LAST USED (UTC)");
            foreach (var key in await keys.ListAsync(cancellationToken))
            {
                var project = ControlCharacters.Escape(key.Project ?? $"{key.ProjectId}");
                Terminal.WriteLine(
                    $"{key.Id,-38}{project,-38}{key.StateAt(TimeProvider.System.GetUtcNow()),-9}"
                    + $"{Day(key.CreatedAt),-18}{Day(key.ExpiresAt),-18}{Day(key.LastUsedAt)}");
            }
        }, cancellationToken));
        return command;
    }

    private static Command RotateKey()
    {
        var environment = CommonOptions.Environment();
        var id = new Argument<Guid>("ID") { Description = "Id of the key that is replaced." };
        var grace =
            new Option<string>("--grace")
            {
                Description = "How long the old key still works: 24h, 30m; 0 ends it at once.",
                DefaultValueFactory = _ => "24h",
            };
        var command = new Command(
            "rotate",
            "Creates a new key of the same project and ends the old one after a while. The new key reads all rows of the old one.")
        {
            id,
            grace,
            environment,
        };
        command.SetAction((result, cancellationToken) => RunAsync(result.GetValue(environment), async keys =>
        {
            var text = result.GetRequiredValue(grace);
            var time = text is "0" ? TimeSpan.Zero : ParseTime(text) ?? throw new OperatorErrorException(
                $"--grace is '{text}'; {AcceptedTimes.Split(", or")[0]}, or 0");
            var key = ApiKey.New();
            var (newId, projectId, expiresAt) = await keys.RotateAsync(
                result.GetValue(id), key, time, TimeProvider.System.GetUtcNow(), cancellationToken);
            Show(key, newId, projectId, expiresAt);
        }, cancellationToken));
        return command;
    }

    private static Command RevokeKey()
    {
        var environment = CommonOptions.Environment();
        var id = new Argument<Guid>("ID") { Description = "Id of the key." };
        var command = new Command("revoke", "Ends a key: within a second no host lets it in any more.") { id, environment };
        command.SetAction((result, cancellationToken) => RunAsync(result.GetValue(environment), async keys =>
        {
            var key = result.GetValue(id);
            if (!await keys.RevokeAsync(key, cancellationToken))
                throw new OperatorErrorException($"There is no key {key}");
            Terminal.WriteLine($"Key {key} is revoked.");
        }, cancellationToken));
        return command;
    }

    private static async Task RunAsync(ServerEnvironment environment, Func<KeyRepository, Task> run, CancellationToken cancellationToken)
    {
        await using var database = await ServerDatabase.LocateAsync(environment, ServerConfiguration.Read(), cancellationToken);
        await using var services = database.CreateServices(database.DiscoverModules());
        try
        {
            await run(new KeyRepository(services.GetRequiredService<NpgsqlDataSource>()));
        }
        catch (PostgresException exception) when (
            exception.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            throw new OperatorErrorException("There are no keys yet; make one with: llmring-server keys create --project NAME", exception);
        }
        catch (PostgresException exception) when (
            exception.SqlState is PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.NotNullViolation)
        {
            throw new OperatorErrorException(
                $"The tables in schema llmring_api are not those of this server, and are not made for this: {exception.MessageText}",
                exception);
        }
        catch (NpgsqlException exception)
        {
            throw database.ToOperatorError(exception);
        }
    }

    private static void Show(ApiKey key, Guid id, Guid project, DateTimeOffset? expiresAt)
    {
        Terminal.WriteErrorLine(
            $"Key {id} of project {project}{(expiresAt is null ? "" : $", until {Day(expiresAt)} UTC")}. It is shown now and never again:");
        Terminal.WriteLine(key.Text);
    }

    private static string Day(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) ?? "-";

    private static DateTimeOffset ParseEnd(string text, DateTimeOffset now)
    {
        var end = ParseTime(text) is { } time ? now + time
            : DateTimeOffset.TryParse(
                text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var date) ? date
            : throw new OperatorErrorException($"--expires is '{text}'; {AcceptedTimes}");
        return end > now ? end : throw new OperatorErrorException($"--expires is '{text}', which is past");
    }

    private static TimeSpan? ParseTime(string text) => Time().Match(text) is not { Success: true } match ? null
        : int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * match.Groups[2].Value switch
        {
            "s" => TimeSpan.FromSeconds(1),
            "m" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            _ => TimeSpan.FromDays(1),
        };

    [GeneratedRegex("^([1-9][0-9]{0,5})([smhd])$")]
    private static partial Regex Time();
}
