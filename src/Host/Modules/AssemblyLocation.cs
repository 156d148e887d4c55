using System.Reflection;

namespace LlmRing.Host.Modules;

/// <summary>Where a module comes from, for messages.</summary>
internal static class AssemblyLocation
{
#pragma warning disable IL3000 // Empty inside the single-file program is what is asked for.
    /// <summary>Its file; for an assembly inside the single-file program its name.</summary>
    public static string Describe(this Assembly assembly) => assembly.Location is { Length: > 0 } file ? file : assembly.GetName().Name!;
#pragma warning restore IL3000
}
