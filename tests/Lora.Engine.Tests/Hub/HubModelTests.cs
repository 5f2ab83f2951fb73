using Lora.Hub;

namespace Lora.Tests.Hub;

/// <summary>What is a name or a revision, by the rules of huggingface_hub's validate_repo_id, and what is said of what is none.</summary>
public class HubModelTests
{
    [Theory]
    [InlineData("../model")]
    [InlineData("org/../model")]
    [InlineData("a/b/c")]
    [InlineData("org/na me")]
    [InlineData("org--x/name")]
    [InlineData("org/name.")] // under Windows the folder of org/name
    [InlineData("org/name-")]
    [InlineData("org-/name")]
    [InlineData("/name")]
    [InlineData("")]
    [InlineData("https://huggingface.co/org/name", "org/name")]
    [InlineData("https://huggingface.co/org/name/", "org/name")]
    [InlineData("http://127.0.0.1:80/gpt2", "gpt2")]
    [InlineData("huggingface.co/org/name?library=peft", "org/name")]
    [InlineData("https://huggingface.co/org/name/tree/v1.0", "org/name", "v1.0")]
    [InlineData("https://huggingface.co/gpt2/tree/main", "gpt2")]
    [InlineData("https://huggingface.co/org/name/blob/refs%2Fpr%2F1/config.json#L3", "org/name", "refs/pr/1")]
    [InlineData("https://huggingface.co/org/name.git", "org/name")]
    [InlineData("https://huggingface.co/datasets/org/name")]
    [InlineData("models--org--name", "org/name")]
    [InlineData("models--gpt2", "gpt2")]
    public void A_name_that_is_none_is_refused_and_what_an_address_or_a_cache_s_folder_means_is_said(string name, string? meant = null, string? revision = null)
    {
        LoraException failure = Assert.Throws<LoraException>(() => new HubModel(name));
        Assert.Equal(LoraError.HubNameInvalid, failure.Error);
        Assert.EndsWith($"nor a revision{(meant is null ? "" : $": it is called {meant} here{(revision is null ? "" : $", with -Revision {revision}")}")}.", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("xlm-roberta-base")]
    [InlineData("org/name.v1_2-x")]
    public void A_name_has_an_owner_or_none(string name) => Assert.Equal(name, new HubModel(name).Name);

    [Theory]
    [InlineData("../main")]
    [InlineData("a//b")]
    [InlineData("a/.b")]
    [InlineData("main.")]
    [InlineData("a b")]
    public void A_revision_that_is_none_is_refused(string revision) => Assert.Equal(LoraError.HubNameInvalid, Assert.Throws<LoraException>(() => new HubModel("gpt2", revision)).Error);
}
