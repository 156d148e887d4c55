namespace LlmRing.Testing;

/// <summary>The repository that the tests run in.</summary>
public static class Repository
{
    /// <summary>Its folder.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "LlmRing.slnx")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
