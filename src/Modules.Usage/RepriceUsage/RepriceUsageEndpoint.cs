using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Repricing;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Json;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.RepriceUsage;

/// <summary>POST /api/v1/usage/reprice prices stored usages by the price lists of today.</summary>
internal sealed class RepriceUsageEndpoint(UsageRepricer repricer, UsageFilterFactory filters, IConversationRepricer conversations)
    : Endpoint<RepriceUsageRequest>
{
    public override void Configure()
    {
        Post("/api/v1/usage/reprice");
        Options(route => route.WithMetadata(new AllowSessionWriteAttribute()));
        Summary(summary =>
        {
            summary.Summary = "Price stored usages anew";
            summary.Description = """
                Without a body: usages whose `cost_source` is `unpriced` and whose model the price lists know by now; the same happens by
                itself when a price list changes.
                With a body: the usages of a range, whatever they cost now. A bare end date includes its day. Filters are those of
                GET `/api/v1/logs`, each a text or an array of texts. `cost_source` names which of
                them; absent: all but those whose cost the client sent, and usages of the reference server that cost 0. Usages of the
                reference server with another cost are priced anew where `client` is named. Models without a price keep their cost.
                Counts that an earlier version stored become inclusive first. With `dry_run` nothing changes; without it, statistics
                change with the usages, and GET `/api/v1/usage/repricings` shows who changed what.
                The answers of logged conversations follow, in either form, unless the request selects by alias, origin or profile, which
                answers do not have; `conversations` tells how many changed, if any.
                """;
            summary.ExampleRequest = new RepriceUsageRequest { StartDate = "2026-11-01", EndDate = "2026-11-30", DryRun = true };
            summary.Response<RepriceUsageResponse>(StatusCodes.Status200OK, "What changed, or with `dry_run` would change.");
        });
    }

    public override async Task HandleAsync(RepriceUsageRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (request.IsEmpty)
        {
            var (count, cost) = await repricer.PriceUnpricedAsync(scope, ct);
            await conversations.RepriceAsync(scope, null, null, [CostSources.Unpriced], includesModel: null, dryRun: false, ct);
            await Send.OkAsync(new UnpricedUsageResponse(count, cost), ct);
            return;
        }

        var filter = await filters.CreateAsync(scope, request.ToSelection(), ValidationFailures, ct);
        var selection = new RepricingSelection(filter, request.CostSource);
        // A user is verified by authentication; a key speaks for itself.
        var userId = scope.ApiKeyId is null ? HttpContext.Request.Headers["X-User-ID"].ToString().Trim() : null;
        var summary = request.DryRun
            ? await repricer.PreviewAsync(scope, selection, ct)
            : await repricer.RepriceAsync(scope, userId, selection, JsonSerializer.Serialize(request, JsonConventions.Options), ct);
        var answers = await RepriceConversationsAsync(scope, selection, request, ct);
        await Send.OkAsync(
            new RepriceUsageResponse(summary.Rows, summary.Changed, summary.CostBefore, summary.CostAfter, summary.ByModel, answers), ct);
    }

    /// <returns>Null where nothing changed.</returns>
    private async Task<ConversationRepricing?> RepriceConversationsAsync(
        Scope scope, RepricingSelection selection, RepriceUsageRequest request, CancellationToken cancellationToken)
    {
        var filter = selection.Filter;
        if (filter is not { Alias: null, Origin: null, Profile: null, ConversationId: null, ServiceTier: null })
            return null;

        var result = await conversations.RepriceAsync(
            scope, filter.Range.From, filter.Range.Until, selection.Sources, IncludesModel, request.DryRun, cancellationToken);
        return result.Changed > 0 ? result : null;

        bool IncludesModel(string provider, string model) =>
            (filter.Provider is null || filter.Provider.Values.Contains(provider))
            && (filter.Models is null || request.Model!.Any(name => filters.HasName(new ModelName(provider, model), name)));
    }
}

internal sealed record RepriceUsageRequest
{
    /// <summary>An ISO 8601 date or date and time.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? StartDate { get; init; }

    /// <summary>An ISO 8601 date, included, or date and time.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? EndDate { get; init; }

    /// <summary>An IANA name: bare dates are those of the zone. Absent: UTC.</summary>
    [JsonPropertyName("timezone"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TimeZone { get; init; }

    // The filters of GET /logs: a text, or an array of texts of which any matches.

    [JsonConverter(typeof(FilterTextsConverter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Provider { get; init; }

    [JsonConverter(typeof(FilterTextsConverter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Model { get; init; }

    [JsonConverter(typeof(FilterTextsConverter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Alias { get; init; }

    [JsonConverter(typeof(FilterTextsConverter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Origin { get; init; }

    [JsonConverter(typeof(FilterTextsConverter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Profile { get; init; }

    [JsonConverter(typeof(FilterTextsConverter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? ConversationId { get; init; }

    [JsonConverter(typeof(FilterTextsConverter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? ServiceTier { get; init; }

    /// <summary>Absent: all but <c>client</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<RepriceableSource>? CostSource { get; init; }

    /// <summary>Whether to compute the difference only.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool DryRun { get; init; }

    /// <summary>Whether the request has no body, or one without a known member.</summary>
    [JsonIgnore]
    internal bool IsEmpty => this == new RepriceUsageRequest();

    public UsageSelection ToSelection() => new()
    {
        StartDate = StartDate,
        EndDate = EndDate,
        TimeZone = TimeZone,
        Provider = Provider,
        Model = Model,
        Alias = Alias,
        Origin = Origin,
        Profile = Profile,
        ConversationId = ConversationId,
        ServiceTier = ServiceTier,
    };
}

internal sealed class RepriceUsageValidator : Validator<RepriceUsageRequest>
{
    private const int MaxValues = 100;

    // An empty filter would select everything.
    private static readonly string FilterAccepted = $"Accepted is a text or 1 to {MaxValues} texts that are not empty.";

    public RepriceUsageValidator() => When(request => !request.IsEmpty, () =>
    {
        RuleFor(request => request.StartDate).NotNull().Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(request => request.EndDate).NotNull().Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(request => request.Provider).Must(IsFilter).WithMessage(FilterAccepted);
        RuleFor(request => request.Model).Must(IsFilter).WithMessage(FilterAccepted);
        RuleFor(request => request.Alias).Must(IsFilter).WithMessage(FilterAccepted);
        RuleFor(request => request.Origin).Must(IsFilter).WithMessage(FilterAccepted);
        RuleFor(request => request.Profile).Must(IsFilter).WithMessage(FilterAccepted);
        RuleFor(request => request.ServiceTier).Must(IsFilter).WithMessage(FilterAccepted);
        RuleFor(request => request.ConversationId).Must(IsFilter).WithMessage(FilterAccepted)
            .Must(
                ids =>
                    ids is null || ids.All(id => id is "~none" || Guid.TryParse(id, out _))).WithMessage("Accepted are UUIDs and ~none.");
        RuleFor(request => request.CostSource).Must(sources => sources is not { Count: 0 }).WithMessage("A cost source is missing.");
    });

    private static bool IsFilter(IReadOnlyList<string>? values) =>
        values is null || (values.Count is > 0 and <= MaxValues && values.All(value => value.Length > 0));
}

/// <param name="Rows">Usages that were selected.</param>
/// <param name="Changed">Usages whose cost, cost source or price changed.</param>
/// <param name="CostBefore">Their cost before, in USD.</param>
/// <param name="CostAfter">Their cost after, in USD.</param>
/// <param name="ByModel">The same per model; the greatest difference first.</param>
/// <param name="Conversations">The answers of conversations whose cost changed; absent where none did.</param>
internal sealed record RepriceUsageResponse(
    long Rows,
    long Changed,
    decimal CostBefore,
    decimal CostAfter,
    IReadOnlyList<ModelRepricing> ByModel,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ConversationRepricing? Conversations);

/// <summary>The answer to a request without a body.</summary>
/// <param name="Repriced">How many usages were priced.</param>
/// <param name="Cost">Their cost, in USD.</param>
internal sealed record UnpricedUsageResponse(long Repriced, decimal Cost);
