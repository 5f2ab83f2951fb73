using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_sharded_folder_its_index_and_the_unsharded_model_hold_the_same_values()
    {
        string sharded = Repository.Fixture("families", "qwen2_sharded");
        using Checkpoint whole = Checkpoint.Open(Repository.Fixture("families", "qwen2"));
        using Checkpoint byFolder = Checkpoint.Open(sharded);
        using Checkpoint byIndex = Checkpoint.Open(Path.Combine(sharded, "model.safetensors.index.json"));

        Assert.Equal(whole.Tensors.Select(tensor => tensor.Name), byFolder.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(byFolder.Tensors.Select(tensor => tensor.ToString()), byIndex.Tensors.Select(tensor => tensor.ToString()));
        Assert.Equal(byFolder.Folder, byIndex.Folder);
        Assert.Equal(4, byFolder.Tensors.Select(tensor => tensor.File).Distinct().Count());
        foreach (TensorInfo tensor in whole.Tensors)
        {
            Assert.True(byFolder.TryFind(tensor.Name, out TensorInfo? other));
            Assert.Equal(Bytes(whole, tensor), Bytes(byFolder, other));
        }
    }

    [Fact]
    public void A_GGUF_file_is_refused_by_name_though_a_model_lies_beside_it()
    {
        string file = Path.Combine(Directory.CreateDirectory(Path.Combine(folder.Path, "model")).FullName, "Model.GGUF");
        File.WriteAllBytes(file, "GGUF"u8.ToArray());

        LoraException failure = Assert.Throws<LoraException>(() => Checkpoint.Open(file));
        Assert.Equal(LoraError.NotAModel, failure.Error);
        Assert.Contains("llama.cpp", failure.Message, StringComparison.Ordinal);
        Assert.Equal(LoraError.NotAModel, Assert.Throws<LoraException>(() => LoraGenerator.Load(file)).Error);
    }

    [Fact]
    public void A_part_of_a_tensor_is_the_part_of_the_whole()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Repository.Fixture("families", "llama3"));
        Assert.True(checkpoint.TryFind("model.embed_tokens.weight", out TensorInfo? tensor));
        byte[] part = new byte[100];
        checkpoint.Read(tensor, 48, part);

        Assert.Equal(Bytes(checkpoint, tensor)[48..148], part);
        Assert.Throws<ArgumentOutOfRangeException>(() => checkpoint.Read(tensor, tensor.Length - 99, part));
    }

    [Fact]
    public void Many_threads_read_at_once()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Repository.Fixture("families", "qwen2_sharded"));
        byte[][] expected = [.. checkpoint.Tensors.Select(tensor => Bytes(checkpoint, tensor))];
        Parallel.For(0, 4 * expected.Length, index =>
            Assert.Equal(expected[index % expected.Length], Bytes(checkpoint, checkpoint.Tensors[index % expected.Length])));
    }

    [Fact]
    public void A_closed_checkpoint_reads_no_more()
    {
        Checkpoint checkpoint = Checkpoint.Open(Repository.Fixture("families", "llama3"));
        checkpoint.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Bytes(checkpoint, checkpoint.Tensors[0]));
    }

    [Fact]
    public void One_file_has_no_folder()
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder.Write("x.safetensors", SafetensorsBytes.OfVectors("a")));
        Assert.Null(checkpoint.Folder);
        Assert.Equal(folder.File("x.safetensors"), checkpoint.Path);
    }

    [Fact]
    public void A_folder_without_an_index_is_all_its_files_but_adapters()
    {
        folder.Write("one.safetensors", SafetensorsBytes.OfVectors("a"));
        folder.Write("two.safetensors", SafetensorsBytes.OfVectors("b"));
        folder.Write("adapter_model.safetensors", SafetensorsBytes.OfVectors("c"));
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(["a", "b"], checkpoint.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void Model_safetensors_is_preferred()
    {
        folder.Write("model.safetensors", SafetensorsBytes.OfVectors("a"));
        folder.Write("other.safetensors", SafetensorsBytes.OfVectors("a"));
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal("model.safetensors", Path.GetFileName(Assert.Single(checkpoint.Tensors).File));
    }

    [Fact]
    public void Numbered_shards_without_an_index_are_complete_or_refused()
    {
        folder.Write("model-00001-of-00003.safetensors", SafetensorsBytes.OfVectors("a"));
        Assert.Equal([LoraError.ShardMissing, LoraError.ShardMissing], Errors(folder.Path));
        folder.Write("model-00002-of-00003.safetensors", SafetensorsBytes.OfVectors("b"));
        folder.Write("model-00003-of-00003.safetensors", SafetensorsBytes.OfVectors("c"));
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(["a", "b", "c"], checkpoint.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void A_tensor_in_two_files_is_a_duplicate()
    {
        folder.Write("one.safetensors", SafetensorsBytes.OfVectors("a"));
        folder.Write("two.safetensors", SafetensorsBytes.OfVectors("a"));
        Assert.Equal([LoraError.TensorDuplicate], Errors(folder.Path));
    }

    [Fact]
    public void The_faults_of_all_files_are_reported_together()
    {
        folder.Write("one.safetensors", "short");
        folder.Write("two.safetensors", SafetensorsBytes.Make("[]", 0));
        Assert.Equal([LoraError.SafetensorsTruncated, LoraError.SafetensorsHeaderInvalid], Errors(folder.Path));
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("consolidated.00.pth")]
    [InlineData("model.pt")]
    [InlineData("model.CKPT")]
    public void Pickles_are_refused_by_name_and_by_folder(string name)
    {
        string path = folder.Write(name, "never read");
        Assert.Equal([LoraError.PickleRefused], Errors(path));
        Assert.Equal([LoraError.PickleRefused], Errors(folder.Path));
    }

    [Fact]
    public void A_folder_without_a_model_says_so()
    {
        Assert.Equal([LoraError.NoSafetensors], Errors(folder.Path));
        folder.Write("adapter_model.safetensors", SafetensorsBytes.OfVectors("a"));
        folder.Write("optimizer.pt", "");
        Assert.Equal([LoraError.NoSafetensors], Errors(folder.Path));
        Assert.Equal([LoraError.PathNotFound], Errors(folder.File("none")));
        Assert.Equal([LoraError.PathNotFound], Errors(""));
    }

    private static byte[] Bytes(Checkpoint checkpoint, TensorInfo tensor)
    {
        byte[] bytes = new byte[tensor.Length];
        checkpoint.Read(tensor, bytes);
        return bytes;
    }

    private static IEnumerable<LoraError> Errors(string path) =>
        Assert.Throws<LoraException>(() => Checkpoint.Open(path)).Problems.Select(problem => problem.Error);
}
