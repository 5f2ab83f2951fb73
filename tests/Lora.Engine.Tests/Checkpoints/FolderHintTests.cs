using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class FolderHintTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void An_adapter_is_named_as_one_with_the_pickle_beside_it()
    {
        folder.Write("adapter_config.json", "{}");
        folder.Write("adapter_model.safetensors", SafetensorsBytes.OfVectors("a"));
        folder.Write("pytorch_model.bin", "");
        Assert.Contains("It holds an adapter (adapter_config.json), not a model. Beside it, pytorch_model.bin", Message(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipeline_names_the_folders_of_its_models()
    {
        folder.Write("model_index.json", "{}");
        Below("transformer");
        Below("vae");
        Assert.EndsWith("It is a pipeline (model_index.json); its models are in transformer, vae.", Message(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_training_names_its_latest_checkpoint()
    {
        Below("checkpoint-9");
        Below("checkpoint-100");
        Assert.EndsWith("The latest checkpoint of the training is in checkpoint-100.", Message(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_adapters_names_the_latest_checkpoint_or_all()
    {
        foreach (string name in new[] { "checkpoint-9", "checkpoint-20" })
        {
            Directory.CreateDirectory(folder.File(name));
            folder.Write(name + "/adapter_config.json", "{}");
        }

        Assert.Equal(" The latest checkpoint of the training is in checkpoint-20.", FolderHint.OfAdapters(folder.Path));
        Directory.Move(folder.File("checkpoint-9"), folder.File("first"));
        Directory.Move(folder.File("checkpoint-20"), folder.File("second"));
        Assert.Equal(" There are adapters in first, second.", FolderHint.OfAdapters(folder.Path));
    }

    [Fact]
    public void A_pipeline_s_root_with_the_files_of_two_models_is_refused()
    {
        folder.Write("model_index.json", "{}");
        folder.Write("flux1-dev.safetensors", SafetensorsBytes.OfVectors("a"));
        folder.Write("ae.safetensors", SafetensorsBytes.OfVectors("b"));
        LoraException exception = Assert.Throws<LoraException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal(LoraError.SeveralModels, exception.Error);
        Assert.Contains("ae.safetensors, flux1-dev.safetensors", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_lies_there_twice_is_read_from_its_shards()
    {
        folder.Write("model-00001-of-00001.safetensors", SafetensorsBytes.OfVectors("model.norm.weight"));
        folder.Write("consolidated.safetensors", SafetensorsBytes.OfVectors("norm.weight"));
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(["model.norm.weight"], checkpoint.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void Two_files_with_the_same_names_are_one_problem()
    {
        folder.Write("pruned.safetensors", SafetensorsBytes.OfVectors("a", "b", "c"));
        folder.Write("pruned-ema.safetensors", SafetensorsBytes.OfVectors("a", "b", "c"));
        LoraException exception = Assert.Throws<LoraException>(() => Checkpoint.Open(folder.Path));
        Assert.Contains("the tensor 'a' and 2 more of another file a second time", Assert.Single(exception.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_promises_99999_shards_is_answered_at_once()
    {
        foreach (int series in Enumerable.Range(0, 40))
        {
            folder.Write($"a{series}-00001-of-99999.safetensors", "");
        }

        LoraException exception = Assert.Throws<LoraException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal(21, exception.Problems.Count);
        Assert.Contains($"and {(40 * 99998) - 20} more", exception.Problems[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pointer_of_Git_LFS_is_named()
    {
        folder.Write("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
        Assert.Equal(LoraError.GitLfsPointer, Assert.Throws<LoraException>(() => Checkpoint.Open(folder.Path)).Error);
    }

    private void Below(string name)
    {
        Directory.CreateDirectory(folder.File(name));
        folder.Write(Path.Combine(name, "model.safetensors"), SafetensorsBytes.OfVectors("a"));
    }

    private string Message() => Assert.Throws<LoraException>(() => Checkpoint.Open(folder.Path)).Message;
}
