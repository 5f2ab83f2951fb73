using Lora.Models;

namespace Lora.Tests.Models;

/// <summary>Which head a model gets for a task, by the classes of transformers.</summary>
public class TaskReaderTests
{
    [Theory]
    [InlineData("llama3", "score")]
    [InlineData("gemma2", "score")]
    [InlineData("qwen3_moe", "score")]
    [InlineData("gpt2", "classifier")]
    [InlineData("gpt_neox", "classifier")]
    public void A_decoder_s_layer_for_tags_has_the_name_that_its_class_has_and_a_bias(string family, string name)
    {
        HeadModule head = Assert.Single(TaskReader.Read(Repository.Fixture("families", family), "TOKEN_CLS").Heads);

        Assert.Equal((name, true), (head.Name, head.HasBias));
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("gpt2")]
    public void That_for_texts_is_called_score_and_has_none(string family)
    {
        HeadModule head = Assert.Single(TaskReader.Read(Repository.Fixture("families", family), "SEQ_CLS").Heads);

        Assert.Equal(("score", false), (head.Name, head.HasBias));
    }
}
