using System.CommandLine;
using LlmRing.Host.Startup;

namespace LlmRing.Host.Commands;

/// <summary><c>llmring-server health</c>: the health check of a container that has neither a shell nor curl.</summary>
internal static class HealthCommand
{
    public static Command Create()
    {
        var url = new Option<Uri?>("--url")
        {
            Description = "Where the server listens.",
            DefaultValueFactory = _ => new Uri("http://127.0.0.1:8000"),
            CustomParser = result =>
            {
                if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var given) && given.Scheme is "http" or "https")
                    return given;
                result.AddError("--url takes an address such as http://127.0.0.1:8000.");
                return null;
            },
        };
        var command = new Command("health", "Asks a running server for its health; ends with 0 if it is healthy, else with 1.") { url };
        command.SetAction((result, cancellationToken) => AskAsync(result.GetValue(url)!, cancellationToken));
        return command;
    }

    private static async Task<int> AskAsync(Uri url, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(4) };
        try
        {
            using var answer = await client.GetAsync(new Uri(url, "/health"), cancellationToken);
            Terminal.WriteLine(await answer.Content.ReadAsStringAsync(cancellationToken));
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            Terminal.WriteErrorLine($"llmring-server: {url} does not answer: {exception.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }
}
