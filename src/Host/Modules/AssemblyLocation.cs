using System.Reflection;

namespace LlmRing.Host.Modules;

/// <summary>Describes the location of an assembly in messages.</summary>
internal static class AssemblyLocation
{
#pragma warning disable IL3000 // An assembly inside the single-file program has an empty location, which is handled.
    /// <summary>The path of its file, or its name where it lies inside the single-file program.</summary>
    public static string Describe(this Assembly assembly) => assembly.Location is { Length: > 0 } file ? file : assembly.GetName().Name!;
#pragma warning restore IL3000
}
