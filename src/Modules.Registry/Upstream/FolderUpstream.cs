namespace LlmRing.Modules.Registry.Upstream;

/// <summary>A registry in a local folder: a <c>file://</c> URL.</summary>
internal sealed class FolderUpstream(RegistrySettings settings) : IRegistryUpstream
{
    private readonly string _folder = settings.BaseUrl.LocalPath;

    public string Source { get; } = settings.BaseUrl.AbsoluteUri.TrimEnd('/') + '/';

    public async Task<UpstreamAnswer> FetchAsync(string path, UpstreamFile? known, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(_folder))
            return new UpstreamAnswer.Failed($"the folder {_folder} does not exist");

        try
        {
            return new UpstreamAnswer.Found(await File.ReadAllBytesAsync(Path.Combine(_folder, path), cancellationToken));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return new UpstreamAnswer.Missing();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new UpstreamAnswer.Failed(exception.Message);
        }
    }
}
