using System.Net;
using LlmRing.Shared.Egress;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>Where webhooks may go. Their URLs come from callers, who must not reach through this server what only it can reach.</summary>
internal sealed class WebhookNetwork(OutboundAddressPolicy addresses)
{
    /// <summary>How long a receiver may take to answer.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Connects to addresses that were checked, follows no redirects.</summary>
    public HttpClient Client { get; } = new(addresses.CreateHandler()) { Timeout = Patience };

    /// <summary>What is wrong with a URL; null: nothing. The address that its name leads to is checked at each connection.</summary>
    public string? FindFault(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp) || uri.UserInfo.Length > 0)
            return "Must be an http or https URL without credentials.";
        return IPAddress.TryParse(uri.IdnHost.Trim('[', ']'), out var literal) && !addresses.IsAllowed(literal)
            ? "Is not a public address; LLMRING_BUDGETS_ALLOWED_NETWORKS on the server would open it."
            : null;
    }
}
