namespace LlmRing.Modules.Usage.Rollups;

/// <summary>The dimension by whose values a series of sums is split.</summary>
internal enum SplitBy
{
    None,
    Model,
    Provider,
    Alias,
    Origin,
    Profile,
}
