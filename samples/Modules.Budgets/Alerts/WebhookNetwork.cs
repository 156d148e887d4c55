using System.Net;
using LlmRing.Shared.Egress;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>
/// The HTTP client of the webhooks. Callers choose the URLs, so only public addresses and the networks of the setting are allowed
/// (protection against server-side request forgery).
/// </summary>
internal sealed class WebhookNetwork(OutboundAddressPolicy addresses)
{
    /// <summary>Until the headers of the answer have arrived.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>Checks the address of each connection, and follows no redirects.</summary>
    public HttpClient Client { get; } = new(addresses.CreateHandler()) { Timeout = Timeout };

    /// <summary>Checks a URL. The address of a host name is checked later, at each connection.</summary>
    /// <returns>What is wrong with the URL; null when it is allowed.</returns>
    public string? Validate(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri)
            || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)
            || uri.UserInfo.Length > 0)
        {
            return "Must be an http or https URL without credentials.";
        }

        return IPAddress.TryParse(uri.IdnHost.Trim('[', ']'), out var literal) && !addresses.IsAllowed(literal)
            ? "Is not a public address; LLMRING_BUDGETS_ALLOWED_NETWORKS on the server would open it."
            : null;
    }
}
