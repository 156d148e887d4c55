using LlmRing.Modules.Registry.Responses;

namespace LlmRing.Modules.Registry.Tests.Responses;

public sealed class RecentContentsTests
{
    [Test]
    public async Task A_body_that_is_used_again_and_again_is_kept_while_5000_others_come_and_go()
    {
        var (contents, builds) = (new RecentContents(maxCount: 64, maxBytes: 1_000_000), 0);
        byte[] Build()
        {
            builds++;
            return new byte[100];
        }

        var known = contents.GetOrAdd("known", Build);
        for (var i = 0; i < 5_000; i++)
        {
            contents.GetOrAdd($"made up {i}", Build);
            await Assert.That(contents.GetOrAdd("known", Build)).IsSameReferenceAs(known);
        }

        await Assert.That(builds).IsEqualTo(5_001);
        // The least recently used of the others are gone.
        contents.GetOrAdd("made up 4937", Build);
        await Assert.That(builds).IsEqualTo(5_001);
        contents.GetOrAdd("made up 4936", Build);
        await Assert.That(builds).IsEqualTo(5_002);
    }

    [Test]
    public async Task Bodies_beyond_the_bound_of_bytes_are_dropped()
    {
        var contents = new RecentContents(maxCount: 64, maxBytes: 250);
        var first = contents.GetOrAdd("first", () => new byte[100]);
        contents.GetOrAdd("second", () => new byte[100]);

        contents.GetOrAdd("third", () => new byte[100]);

        await Assert.That(contents.GetOrAdd("first", () => new byte[100])).IsNotSameReferenceAs(first);
    }

    [Test]
    public async Task A_body_is_compressed_from_its_second_use_on()
    {
        var contents = new RecentContents(maxCount: 64, maxBytes: 1_000_000);

        var content = contents.GetOrAdd("key", () => new byte[100]);
        var atFirst = content.Gzip.Encoding;
        contents.GetOrAdd("key", () => new byte[100]);

        await Assert.That((atFirst, content.Gzip.Encoding)).IsEqualTo((null, "gzip"));
    }
}
