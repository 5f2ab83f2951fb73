using System.Text;
using Lora.Data;

namespace Lora.Tests.Data;

public sealed class GivenRowsTests
{
    [Fact]
    public void They_are_read_again_and_again_however_many_there_are_and_problems_name_the_row()
    {
        using GivenRows rows = new("the pipeline");
        string text = new('x', 1000);
        for (int row = 0; row < 5000; row++)
        {
            rows.Add(Encoding.UTF8.GetBytes($$"""{"text":"{{row}} {{text}}"}"""));
        }

        for (int time = 0; time < 2; time++)
        {
            Assert.Equal(Enumerable.Range(0, 5000).Select(row => new TextRow(row + 1, $"{row} {text}")), DatasetReader.Read(new(rows.Name) { Given = rows }));
        }

        rows.Add("""{"text":5}"""u8);
        LoraException failure = Assert.Throws<LoraException>(() => DatasetReader.Read(new(rows.Name) { Given = rows }).ToList());
        Assert.Contains("In 'the pipeline', row 5001: \"text\" is not a string", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void They_are_told_by_what_they_hold_and_not_by_their_name()
    {
        using GivenRows one = new("one"), other = new("other");
        one.Add("{}"u8);
        Assert.NotEqual(one.Hash, other.Hash);
        other.Add("{}"u8);
        Assert.Equal(one.Hash, other.Hash);
        Assert.Equal(1, one.Count);
    }

    [Fact]
    public void A_row_of_several_lines_is_refused() => Assert.Throws<ArgumentException>(() =>
    {
        using GivenRows rows = new("rows");
        rows.Add("{\n}"u8);
    });

    [Fact]
    public void None_is_an_error()
    {
        using GivenRows rows = new("the pipeline");
        Assert.Equal(LoraError.DatasetEmpty, Assert.Throws<LoraException>(() => DatasetReader.Read(new(rows.Name) { Given = rows }).ToList()).Error);
    }
}
