using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class SnapshotPathTests : IDisposable
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("/home/u/.cache/huggingface/hub/models--org--some-name/snapshots/" + Commit, "org/some-name")]
    [InlineData("/home/u/hub/models--gpt2/snapshots/" + Commit + "/", "gpt2")]
    public void A_path_in_the_cache_says_the_id_and_the_revision(string path, string name) => Assert.Equal((name, Commit), SnapshotPath.Of(path));

    [Theory]
    [InlineData("/home/u/models/some-name")]
    [InlineData("/snapshots/" + Commit)]
    public void Other_paths_say_none(string path) => Assert.Null(SnapshotPath.Of(path));

    [Fact]
    public void An_adapter_of_a_downloaded_model_names_it_by_its_id_in_the_configuration_and_the_card()
    {
        LoraAdapter adapter = new() { Config = new() { TargetModule = ["q_proj"], Model = $"/cache/models--org--name/snapshots/{Commit}" } };
        AdapterFolder.Save(adapter, folder.Path);

        LoraConfig written = AdapterConfigJson.ReadFile(folder.File(AdapterConfigJson.FileName));
        Assert.Equal(("org/name", Commit), (written.BaseModelNameOrPath, written.Revision));
        Assert.Contains("base_model: org/name\n", File.ReadAllText(folder.File("README.md")), StringComparison.Ordinal);
    }
}
