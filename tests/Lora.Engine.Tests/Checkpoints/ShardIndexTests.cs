using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class ShardIndexTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ShardIndexTests() => folder.Write("s1.safetensors", SafetensorsBytes.OfVectors("a", "b"));

    public void Dispose() => folder.Dispose();

    [Fact]
    public void All_missing_shards_are_listed()
    {
        LoraException exception = Fail("""{"weight_map":{"a":"s1.safetensors","b":"s2.safetensors","c":"s3.safetensors"}}""");
        Assert.Equal([LoraError.ShardMissing, LoraError.ShardMissing], exception.Problems.Select(problem => problem.Error));
        Assert.Contains("s2.safetensors", exception.Message, StringComparison.Ordinal);
        Assert.Contains("s3.safetensors", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../s1.safetensors")]
    [InlineData("x/../../s1.safetensors")]
    [InlineData("..\\\\s1.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("\\\\\\\\server\\\\share\\\\s1.safetensors")]
    [InlineData("C:s1.safetensors")]
    public void A_shard_outside_the_folder_is_refused(string shard) =>
        Assert.Equal(LoraError.ShardOutsideFolder, Fail("{\"weight_map\":{\"a\":\"" + shard + "\"}}").Error);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"weight_map":{}}""")]
    [InlineData("""{"weight_map":["a"]}""")]
    [InlineData("""{"weight_map":{"a":1}}""")]
    [InlineData("""{"weight_map":{"a":""}}""")]
    [InlineData("""{"weight_map":{"a":"\ud800"}}""")]
    [InlineData("""{"weight_map":{"a":"s1.safetensors","a":"s2.safetensors"}}""")]
    [InlineData("""{"weight_map":{"a":"s1.safetensors"}""")]
    public void An_index_of_another_form_is_invalid(string index) => Assert.Equal(LoraError.ShardIndexInvalid, Fail(index).Error);

    [Fact]
    public void A_tensor_that_the_shard_lacks_is_missing() =>
        Assert.Equal(LoraError.TensorMissing, Fail("""{"weight_map":{"a":"s1.safetensors","z":"s1.safetensors"}}""").Error);

    [Fact]
    public void A_pickle_shard_is_refused() =>
        Assert.Equal(LoraError.PickleRefused, Fail("""{"weight_map":{"a":"pytorch_model-00001-of-00002.bin"}}""").Error);

    [Fact]
    public void Of_a_tensor_in_two_shards_the_index_picks_one()
    {
        folder.Write("s2.safetensors", SafetensorsBytes.OfVectors("b", "c"));
        string path = folder.Write("model.safetensors.index.json", """{"weight_map":{"a":"s1.safetensors","b":"./s2.safetensors","c":"s2.safetensors"}}""");
        using Checkpoint checkpoint = Checkpoint.Open(path);
        Assert.Equal(["s1.safetensors", "s2.safetensors", "s2.safetensors"], checkpoint.Tensors.Select(tensor => Path.GetFileName(tensor.File)));
    }

    [Fact]
    public void A_byte_order_mark_is_no_obstacle()
    {
        folder.Write("model.safetensors.index.json", "\uFEFF" + """{"weight_map":{"a":"s1.safetensors"}}""");
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(["a", "b"], checkpoint.Tensors.Select(tensor => tensor.Name));
    }

    private LoraException Fail(string index)
    {
        folder.Write("model.safetensors.index.json", index);
        return Assert.Throws<LoraException>(() => Checkpoint.Open(folder.Path));
    }
}
