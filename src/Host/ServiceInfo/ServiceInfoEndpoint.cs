using FastEndpoints;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using Microsoft.Net.Http.Headers;

namespace LlmRing.Host.ServiceInfo;

/// <summary>GET / tells the name and the version of the server, and sends browsers to the dashboard.</summary>
internal sealed class ServiceInfoEndpoint(ModuleCatalog catalog) : EndpointWithoutRequest<ServiceInfoResponse>
{
    public override void Configure()
    {
        Get("/");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Name and version of the server";
            summary.Description = "A browser, which prefers `text/html`, is redirected to the dashboard where that is on.";
        });
    }

    public override Task HandleAsync(CancellationToken ct)
    {
        if (catalog.Modules.Any(module => module.Name is "dashboard"))
        {
            HttpContext.Response.Headers.Vary = HeaderNames.Accept;
            if (PrefersHtml(HttpContext.Request))
                return Send.RedirectAsync("/dashboard");
        }

        return Send.OkAsync(
            new ServiceInfoResponse("LLMRing Server", "llmring-server", LlmRingServer.Version, "healthy", "/docs", "/registry"), ct);
    }

    // Browsers name text/html first. Clients name application/json, */*, or nothing.
    private static bool PrefersHtml(HttpRequest request) =>
        request.GetTypedHeaders().Accept.OrderByDescending(type => type.Quality ?? 1).FirstOrDefault() is { } first
        && first.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase);
}

internal sealed record ServiceInfoResponse(string Name, string Service, string Version, string Status, string Docs, string Registry);
