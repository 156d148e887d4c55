using ArchUnitNET.Domain;

namespace LlmRing.Architecture.Tests;

/// <summary>
/// A slice is the folder of a use case: endpoint, request, response and validator. Dependencies point one way: the files at the
/// root of a module use everything, slices use drawers (folders of a subject), and drawers use one another and Shared.
/// </summary>
public sealed class SliceTests
{
    [Test]
    public async Task A_slice_uses_no_type_of_another_slice()
    {
        var slices = CompiledCode.Modules.Append(CompiledCode.Host).SelectMany(CompiledCode.SlicesOf).ToHashSet();

        var violations = CompiledCode.Uses
            .Select(use => (From: SliceOf(use.From, slices), To: SliceOf(use.To, slices)))
            .Where(use => use.From is not null && use.To is not null && use.From != use.To)
            .Distinct();

        await Assert.That(slices.Count).IsGreaterThan(20);
        await Assert.That(violations.Select(use => $"{use.From} uses {use.To}")).IsEmpty();
    }

    // Folders of the host are subjects, some with an endpoint in them (Health, Telemetry): Startup uses their types rightly.
    [Test]
    public async Task A_drawer_uses_no_type_of_a_slice()
    {
        var slices = CompiledCode.Modules.SelectMany(CompiledCode.SlicesOf).ToHashSet();
        var roots = CompiledCode.Modules.Select(module => module.GetExportedTypes().Single().Namespace!).ToHashSet();

        var violations = CompiledCode.Uses
            .Where(use => SliceOf(use.From, slices) is null && SliceOf(use.To, slices) is not null)
            .Where(use => !roots.Contains(CompiledCode.NamespaceOf(use.From)));

        await Assert.That(violations.Select(use => $"{use.From.FullName} uses {use.To.FullName}")).IsEmpty();
    }

    [Test]
    public async Task The_root_of_a_module_has_at_most_five_files()
    {
        var crowded = SourceCode.ModuleFolders
            .Select(folder => (Name: Path.GetFileName(folder), Files: Directory.GetFiles(folder, "*.cs").Length))
            .Where(module => module.Files > 5);

        await Assert.That(SourceCode.ModuleFolders.Count()).IsEqualTo(7);
        await Assert.That(crowded.Select(module => $"{module.Name} has {module.Files} files at its root")).IsEmpty();
    }

    // A nested folder belongs to the slice that it lies in.
    private static string? SliceOf(IType type, IEnumerable<string> slices) => slices.FirstOrDefault(type.IsIn);
}
