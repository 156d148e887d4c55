using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Gets access tokens by the OAuth client credentials grant, and another one before the present one expires.</summary>
/// <param name="client">The client.</param>
/// <param name="network">The handler whose sockets go to checked addresses only.</param>
/// <param name="time">The clock.</param>
internal sealed class AccessTokenSource(OAuthClient client, HttpMessageHandler network, TimeProvider time) : IDisposable
{
    private const int MaxAnswerBytes = 64 * 1024;

    // A token is replaced so long before it expires, or when half of its lifetime has passed.
    private static readonly TimeSpan RefreshMargin = TimeSpan.FromSeconds(60);

    // Of a token whose answer names no lifetime; a 401 ends the token earlier.
    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private AccessToken? _token;

    /// <summary>A token that has not expired; requests that need a new one wait for the same answer.</summary>
    /// <exception cref="McpFailureException">There is no token.</exception>
    public async Task<string> GetAsync(CancellationToken cancellationToken)
    {
        if (_token is { } known && time.GetUtcNow() < known.RefreshAt)
            return known.Value;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_token is not { } token || time.GetUtcNow() >= token.RefreshAt)
                _token = token = await RequestAsync(cancellationToken);
            return token.Value;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Forgets a token that the MCP server has refused.</summary>
    public void Discard(string token)
    {
        if (_token is { } known && known.Value == token)
            _token = null;
    }

    public void Dispose() => _turn.Dispose();

    private async Task<AccessToken> RequestAsync(CancellationToken cancellationToken)
    {
        var form = new Dictionary<string, string> { ["grant_type"] = "client_credentials" };
        if (client.Scope is not null)
            form["scope"] = client.Scope;
        if (client.Resource is not null)
            form["resource"] = client.Resource;
        var credentials = $"{Uri.EscapeDataString(client.Id)}:{Uri.EscapeDataString(client.Secret)}";
        using var request = new HttpRequestMessage(HttpMethod.Post, client.TokenUrl)
        {
            Content = new FormUrlEncodedContent(form),
            Headers =
            {
                Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials))),
                Accept = { new MediaTypeWithQualityHeaderValue("application/json") },
            },
        };
        using var invoker = new HttpMessageInvoker(network, disposeHandler: false);
        try
        {
            using var response = await invoker.SendAsync(request, cancellationToken);
            if (response.StatusCode is not HttpStatusCode.OK)
            {
                var status = ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
                throw new McpFailureException(
                    McpFailure.Failed, $"The token endpoint of the auth_config answers with HTTP status {status}");
            }

            var buffer = new byte[MaxAnswerBytes];
            await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            var length = await stream.ReadAtLeastAsync(buffer, MaxAnswerBytes, throwOnEndOfStream: false, cancellationToken);
            return TokenOf(JsonElement.Parse(buffer.AsSpan(0, length)));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new McpFailureException(McpFailure.Failed, "The token endpoint's answer has no access token", exception);
        }
        catch (Exception exception) when (exception is HttpRequestException { InnerException: not McpFailureException } or IOException)
        {
            throw new McpFailureException(McpFailure.Unreachable, "The token endpoint of the auth_config cannot be reached", exception);
        }
    }

    private AccessToken TokenOf(JsonElement answer)
    {
        var value = answer.GetProperty("access_token").GetString();
        if (string.IsNullOrEmpty(value) || value.Any(character => !char.IsAscii(character) || char.IsControl(character)))
            throw new JsonException("The access token cannot be sent.");
        var lifetime = answer.TryGetProperty("expires_in", out var seconds)
            && seconds.ValueKind is JsonValueKind.Number
            && seconds.TryGetInt32(out var number)
            ? TimeSpan.FromSeconds(Math.Max(0, number))
            : DefaultLifetime;
        var margin = lifetime / 2 < RefreshMargin ? lifetime / 2 : RefreshMargin;
        return new AccessToken(value, time.GetUtcNow() + lifetime - margin);
    }

    private sealed record AccessToken(string Value, DateTimeOffset RefreshAt);
}
